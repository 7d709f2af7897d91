// Times of a live stream on one clock that begins at 0 and never runs backwards, whatever the camera's clock does: it
// may have no decoding times, jump, or begin anew when the camera connects again.
#pragma once

#include <cstdint>
#include <vector>

#include "rings/packet_ring.h"

namespace chrys {

// Microseconds.
struct RelayTimes {
  int64_t pts = 0;
  int64_t dts = 0;
};

class RelayClock {
 public:
  // `reorder`: the most packets that are decoded before a frame and shown after it, as far as it is known; of a stream
  // that reorders more, all is shown later by as much from then on. `frame_us`: from one frame to the next.
  RelayClock(int reorder, int64_t frame_us) : reorder_(reorder), frame_us_(frame_us) {}

  // Of packets in decoding order. dts grow by a millisecond at least, and are at most the packet's pts.
  RelayTimes Add(const PacketInfo& packet);

  // Of sound on the clock of that connection's pts; may be negative.
  int64_t AudioTime(int64_t pts, int32_t time_base_num, int32_t time_base_den) const;

  // Of the packet that was added last.
  int32_t connection() const { return connection_; }

  // The latest pts so far.
  int64_t latest_us() const { return latest_us_; }

 private:
  void Begin(const PacketInfo& packet, int64_t pts_us);
  void ReorderMore();

  int reorder_;
  const int64_t frame_us_;
  bool begun_ = false;
  int32_t connection_ = 0;
  int64_t base_us_ = 0;      // of the camera's clock, at our 0
  int64_t last_pts_us_ = 0;  // of the camera
  int64_t last_arrival_us_ = 0;
  int64_t latest_us_ = 0;  // of all pts so far, ours
  int64_t last_dts_us_ = 0;
  std::vector<int64_t> shown_;  // pts of frames whose place in the order is not taken yet, ours, sorted
};

// What a clock needs to know, from the packets of that connection that a ring has.
int ReorderOf(const PacketRingView& ring, int32_t connection);
int64_t FrameUsOf(const PacketRingView& ring, int32_t connection);

}  // namespace chrys
