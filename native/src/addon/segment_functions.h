#pragma once

#include <napi.h>

namespace chrys {

// Adds what writes and reads segments.
void AddSegments(Napi::Env env, Napi::Object exports);

}  // namespace chrys
