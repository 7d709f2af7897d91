// Puts the packets of a live stream on one clock that begins at 0 and never runs backwards. The camera's times may lack
// decoding times, jump, or begin anew with each connection.
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
  // `reorder`: maximum number of packets that are decoded before a frame and shown after it, as far as known. If the
  // stream reorders more, all later frames are delayed accordingly. `frame_us`: time between two frames.
  RelayClock(int reorder, int64_t frame_us) : reorder_(reorder), frame_us_(frame_us) {}

  // The times of the next packet in decoding order. dts grow by at least 1 ms, and are at most pts.
  RelayTimes Add(const PacketInfo& packet);

  // The time of an audio packet of this connection. May be negative.
  int64_t AudioTime(int64_t pts, int32_t time_base_num, int32_t time_base_den) const;

  // The connection of the last packet.
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
  int64_t base_us_ = 0;      // time of the camera's clock at 0 of this clock
  int64_t last_pts_us_ = 0;  // by the camera's clock
  int64_t last_arrival_us_ = 0;
  int64_t latest_us_ = 0;  // greatest pts so far, by this clock
  int64_t last_dts_us_ = 0;
  std::vector<int64_t> shown_;  // pts that are not used as dts yet, by this clock, sorted
};

// Reordering and frame duration of a connection, measured over its newest packets in the ring.
int ReorderOf(const PacketRingView& ring, int32_t connection);
int64_t FrameUsOf(const PacketRingView& ring, int32_t connection);

}  // namespace chrys
