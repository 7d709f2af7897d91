// Measures the frame rate and the GOP length of a stream from the pts of its packets.
#pragma once

#include <cstdint>

#include "base/av_handles.h"
#include "rings/ring_layout.h"

namespace chrys {

class RateMeter {
 public:
  // Writes ControlBlock.fpsMilli and ControlBlock.gopPackets.
  explicit RateMeter(ControlBlock& control) : control_(control) {}

  // The next packet of the connection, in decoding order. `tick_seconds`: the time base.
  void Add(const AVPacket* packet, double tick_seconds);

 private:
  // Frames per second after the packet, 0 = not measurable here.
  double Measure(const AVPacket* packet, double tick_seconds, int32_t previous_gop_packets, bool was_hidden);

  ControlBlock& control_;
  int32_t gop_packets_ = 0;            // of the current GOP, up to now
  int64_t gop_first_pts_ = INT64_MIN;  // pts of the last keyframe
  int64_t first_pts_ = INT64_MIN;
  int64_t shown_packets_ = 0;
  bool gop_hidden_ = false;  // the current GOP has hidden packets, which take no time
};

}  // namespace chrys
