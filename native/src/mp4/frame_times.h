// Presentation and decoding times of packets as a file wants them, from what a camera gave, which may repeat, jump, or
// have no decoding times at all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rings/packet_ring.h"

namespace chrys {

struct FrameTimes {
  // By packet, in the packets' time base. The earliest pts is 0; pts are all different; dts grow, are at most the
  // packet's pts, and begin below 0 when frames are reordered.
  std::vector<int64_t> pts;
  std::vector<int64_t> dts;
  // From the first frame shown to the end of the last one.
  int64_t duration = 0;
};

// Of packets of one connection in decoding order. `next` is the packet that follows them, if one did.
FrameTimes TimesOf(const std::vector<PacketInfo>& packets, const std::optional<PacketInfo>& next);

// Puts segments of packets in a row on one clock of 1/90000 s that begins at 0.
class TimeRow {
 public:
  // Of a time in which nothing was sent, at most `most_gap_us` stays.
  explicit TimeRow(int64_t max_gap_us) : max_gap_us_(max_gap_us) {}

  // Times of the next segment, whose own duration is in its packets' time base. pts may fall a little at the seam of
  // segments that are reordered differently; dts never do.
  FrameTimes Add(const std::vector<PacketInfo>& packets, int64_t duration);

  // Sequence of the packet that would follow without a gap, 0 = none was added.
  int64_t next_sequence() const { return next_sequence_; }

 private:
  const int64_t max_gap_us_;
  int64_t next_sequence_ = 0;
  int32_t connection_ = 0;
  int64_t last_arrival_us_ = 0;  // of the last segment's first packet
  int64_t last_begin_ = 0;
  int64_t end_ = 0;
  int64_t last_dts_ = INT64_MIN;
};

constexpr int32_t kTimeRowHz = 90'000;

}  // namespace chrys
