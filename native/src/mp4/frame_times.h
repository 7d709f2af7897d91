// Presentation and decoding times as a file needs them. The times of a camera may repeat, jump, or lack decoding times.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rings/packet_ring.h"

namespace chrys {

struct FrameTimes {
  // One per packet, in the packets' time base. The earliest pts is 0, and all pts differ. dts grow, are at most the
  // packet's pts, and begin below 0 when frames are reordered.
  std::vector<int64_t> pts;
  std::vector<int64_t> dts;
  // From the first frame shown to the end of the last one, in the packets' time base.
  int64_t duration = 0;
};

// The times of packets of one connection, in decoding order. `next`: the packet that follows them, if known.
FrameTimes TimesOf(const std::vector<PacketInfo>& packets, const std::optional<PacketInfo>& next);

// Puts successive segments on one clock of 1/90000 s that begins at 0.
class SegmentClock {
 public:
  // Gaps between segments are shortened to `max_gap_us`.
  explicit SegmentClock(int64_t max_gap_us) : max_gap_us_(max_gap_us) {}

  // The times of the next segment. `duration`: its own, in its packets' time base. pts may fall slightly between
  // segments that reorder differently. dts always grow.
  FrameTimes Add(const std::vector<PacketInfo>& packets, int64_t duration);

  // Sequence of the packet that follows without a gap. 0 = no segment was added.
  int64_t next_sequence() const { return next_sequence_; }

 private:
  const int64_t max_gap_us_;
  int64_t next_sequence_ = 0;
  int32_t connection_ = 0;
  int64_t last_arrival_us_ = 0;  // arrival of the last segment's first packet
  int64_t last_begin_ = 0;
  int64_t end_ = 0;
  int64_t last_dts_ = INT64_MIN;
};

constexpr int32_t kSegmentClockHz = 90'000;

}  // namespace chrys
