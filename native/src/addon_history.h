#pragma once

#include <napi.h>

namespace chrys {

// Adds openHistory, nextOfHistory, closeHistory, copyBytes and frameIds.
void AddHistory(Napi::Env env, Napi::Object exports);

}  // namespace chrys
