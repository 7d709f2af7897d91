#include "capture/rate_meter.h"

#include <cmath>

#include "base/atomics.h"

namespace chrys {

namespace {

// Packets of a connection after which its rate is reported without a whole GOP.
constexpr int64_t kMinPackets = 10;

}  // namespace

void RateMeter::Add(const AVPacket* packet, double tick_seconds) {
  const bool keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  const int32_t previous_gop_packets = gop_packets_;
  const bool was_hidden = gop_hidden_;
  gop_packets_ = keyframe ? 1 : gop_packets_ + 1;
  if (keyframe) gop_hidden_ = false;
  if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) {
    gop_hidden_ = true;
    if (keyframe) gop_first_pts_ = INT64_MIN;
    return;
  }
  const double fps = Measure(packet, tick_seconds, previous_gop_packets, was_hidden);
  if (fps > 0 && fps < 1e6) StoreRelaxed(control_.fpsMilli, static_cast<int32_t>(std::lround(fps * 1000)));
}

double RateMeter::Measure(const AVPacket* packet, double tick_seconds, int32_t previous_gop_packets, bool was_hidden) {
  ++shown_packets_;
  if (first_pts_ == INT64_MIN) first_pts_ = packet->pts;
  if ((packet->flags & AV_PKT_FLAG_KEY) != 0) {
    const int64_t ticks = gop_first_pts_ == INT64_MIN || was_hidden ? 0 : packet->pts - gop_first_pts_;
    gop_first_pts_ = packet->pts;
    if (ticks <= 0) return 0;
    StoreRelaxed(control_.gopPackets, previous_gop_packets);
    return previous_gop_packets / (static_cast<double>(ticks) * tick_seconds);
  }
  if (LoadRelaxed(control_.gopPackets) != 0 || shown_packets_ < kMinPackets) return 0;
  const int64_t ticks = packet->pts - first_pts_;
  return ticks <= 0 ? 0 : static_cast<double>(shown_packets_ - 1) / (static_cast<double>(ticks) * tick_seconds);
}

}  // namespace chrys
