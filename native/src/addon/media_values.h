// Rings and streams that JavaScript gives to the addon. Each throws a TypeError that names what is wrong.
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

// Without a base when the value is undefined.
PacketRingView OptionalRingOf(const Napi::Value& value);

// What the packets of a stream are: the fields of StreamInfo that SegmentOptions.stream has.
SegmentStream SegmentStreamOf(const Napi::Object& object);

// The four bytes of `cancel`, shared memory.
const std::atomic<int32_t>* CancelOf(const Napi::Object& object);

}  // namespace chrys
