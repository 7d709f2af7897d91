#pragma once

#include <atomic>
#include <vector>

#include <napi.h>

#include "past_packets.h"
#include "segment_file.h"

namespace chrys {

// A packet ring; without a base when the value is undefined.
PacketRingView OptionalRingOf(const Napi::Value& value);

// What the packets of a stream are: the fields of StreamInfo that SegmentOptions.stream has.
SegmentStream SegmentStreamOf(const Napi::Object& object);

// The four bytes of `cancel`, shared memory.
const std::atomic<int32_t>* CancelOf(const Napi::Object& object);

// PastSegment[] of src/native/types.ts.
std::vector<PastSegment> SegmentsOf(const Napi::Value& value);

// Adds what reads and writes the past.
void AddHistory(Napi::Env env, Napi::Object exports);

}  // namespace chrys
