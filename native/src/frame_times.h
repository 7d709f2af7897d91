// Presentation and decoding times of packets as a file wants them, from what a camera gave, which may repeat, jump, or have
// no decoding times at all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "packet_ring.h"

namespace chrys {

struct FrameTimes {
  // By packet, in the packets' time base. The earliest pts is 0; pts are all different; dts grow, are at most the packet's
  // pts, and begin below 0 when frames are reordered.
  std::vector<int64_t> pts;
  std::vector<int64_t> dts;
  // From the first frame shown to the end of the last one.
  int64_t duration = 0;
};

// Of packets of one connection in decoding order. `next` is the packet that follows them, if one did.
FrameTimes TimesOf(const std::vector<PacketInfo>& packets, const std::optional<PacketInfo>& next);

}  // namespace chrys
