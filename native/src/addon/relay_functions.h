#pragma once

#include <napi.h>

namespace chrys {

// Adds what pushes a camera's packets to a server.
void AddRelay(Napi::Env env, Napi::Object exports);

}  // namespace chrys
