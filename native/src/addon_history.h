#pragma once

#include <vector>

#include <napi.h>

#include "past_packets.h"

namespace chrys {

// Adds what reads and writes the past.
// A packet ring; without a base when the value is undefined.
PacketRingView OptionalRingOf(const Napi::Value& value);

// PastSegment[] of src/native/types.ts.
std::vector<PastSegment> SegmentsOf(const Napi::Value& value);

void AddHistory(Napi::Env env, Napi::Object exports);

}  // namespace chrys
