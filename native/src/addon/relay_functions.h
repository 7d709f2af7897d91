#pragma once

#include <napi.h>

namespace chrys {

// Adds the functions of the relay to `exports`.
void AddRelay(Napi::Env env, Napi::Object exports);

}  // namespace chrys
