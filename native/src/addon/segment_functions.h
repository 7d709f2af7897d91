#pragma once

#include <napi.h>

namespace chrys {

// Adds the functions that write and read segments to `exports`.
void AddSegments(Napi::Env env, Napi::Object exports);

}  // namespace chrys
