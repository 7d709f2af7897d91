// Converts rings and streams from JavaScript. Each function throws a TypeError that names the wrong value.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include <napi.h>

#include "addon/values.h"
#include "mp4/segment_file.h"
#include "rings/packet_ring.h"

namespace chrys {

std::vector<uint8_t> CopyOf(const Bytes& bytes);

PacketRingView RingOf(const Napi::Value& value);

// A view without a base when the value is undefined.
PacketRingView OptionalRingOf(const Napi::Value& value);

// From the fields of SegmentOptions.stream.
SegmentStream SegmentStreamOf(const Napi::Object& object);

// The flag in the shared memory of `cancel`.
const std::atomic<int32_t>* CancelOf(const Napi::Object& object);

}  // namespace chrys
