#pragma once

#include <vector>

#include <napi.h>

#include "past_packets.h"

namespace chrys {

// Adds openHistory, nextOfHistory, closeHistory, copyBytes and frameIds.
// PastSegment[] of src/native/types.ts.
std::vector<PastSegment> SegmentsOf(const Napi::Value& value);

void AddHistory(Napi::Env env, Napi::Object exports);

}  // namespace chrys
