#include "relay/relay_clock.h"

#include <algorithm>
#include <limits>

extern "C" {
#include <libavutil/mathematics.h>
}

#include "base/clock_jump.h"

namespace chrys {

namespace {

constexpr int64_t kMillisecondUs = 1000;
constexpr int64_t kUsualFrameUs = 40'000;
// libav's limit: no codec reorders more packets.
constexpr int kMaxReorder = 16;
// Number of packets that show how a camera orders its frames.
constexpr int64_t kSampledPackets = 128;

int64_t UsOf(int64_t ticks, int32_t num, int32_t den) {
  return av_rescale_q(ticks, AVRational{num, den}, AVRational{1, 1'000'000});
}

// pts of the newest packets of a connection in microseconds, in decoding order.
std::vector<int64_t> NewestPts(const PacketRingView& ring, int32_t connection) {
  std::vector<int64_t> pts;
  int64_t last_arrival_us = 0;
  const int64_t end = ring.next_sequence();
  const int64_t first = ring.first_sequence();
  for (int64_t sequence = std::max(first, end - kSampledPackets); sequence < end; ++sequence) {
    const auto info = ReadPacketInfo(ring, sequence);
    if (!info || info->connection != connection) continue;
    const int64_t us = UsOf(info->pts, info->time_base_num, info->time_base_den);
    if (!pts.empty() && IsClockJump(us - pts.back(), info->arrival_us - last_arrival_us)) pts.clear();
    pts.push_back(us);
    last_arrival_us = info->arrival_us;
  }
  return pts;
}

}  // namespace

RelayTimes RelayClock::Add(const PacketInfo& packet) {
  const int64_t pts_us = UsOf(packet.pts, packet.time_base_num, packet.time_base_den);
  const bool jumped = IsClockJump(pts_us - last_pts_us_, packet.arrival_us - last_arrival_us_);
  if (!begun_ || packet.connection != connection_ || jumped) Begin(packet, pts_us);
  last_pts_us_ = pts_us;
  last_arrival_us_ = packet.arrival_us;
  while (pts_us - base_us_ <= last_dts_us_ && reorder_ < kMaxReorder) ReorderMore();
  RelayTimes times;
  times.pts = pts_us - base_us_;
  latest_us_ = std::max(latest_us_, times.pts);
  shown_.insert(std::upper_bound(shown_.begin(), shown_.end(), times.pts), times.pts);
  times.dts = std::max(shown_.front(), last_dts_us_ + kMillisecondUs);
  shown_.erase(shown_.begin());
  // The camera may give several frames the same time.
  times.pts = std::max(times.pts, times.dts);
  last_dts_us_ = times.dts;
  return times;
}

void RelayClock::ReorderMore() {
  const int64_t first = shown_.empty() ? last_dts_us_ + kMillisecondUs : shown_.front();
  ++reorder_;
  base_us_ -= frame_us_;
  latest_us_ += frame_us_;
  for (int64_t& shown : shown_) shown += frame_us_;
  shown_.insert(shown_.begin(), first);
}

int64_t RelayClock::AudioTime(int64_t pts, int32_t time_base_num, int32_t time_base_den) const {
  return UsOf(pts, time_base_num, time_base_den) - base_us_;
}

void RelayClock::Begin(const PacketInfo& packet, int64_t pts_us) {
  int64_t shown_us = reorder_ * frame_us_;
  if (begun_) {
    // Players continue after a pause that is as long as the real one.
    shown_us = latest_us_ + std::max(frame_us_, packet.arrival_us - last_arrival_us_);
  } else {
    last_dts_us_ = -kMillisecondUs;
  }
  base_us_ = pts_us - shown_us;
  begun_ = true;
  connection_ = packet.connection;
  shown_.clear();
  for (int ahead = reorder_; ahead > 0; --ahead) shown_.push_back(shown_us - ahead * frame_us_);
}

int ReorderOf(const PacketRingView& ring, int32_t connection) {
  const std::vector<int64_t> pts = NewestPts(ring, connection);
  int max_later = 0;
  for (size_t at = 0; at < pts.size(); ++at) {
    const size_t begin = at > kMaxReorder ? at - kMaxReorder : 0;
    const auto later =
        std::count_if(pts.begin() + static_cast<std::ptrdiff_t>(begin), pts.begin() + static_cast<std::ptrdiff_t>(at),
                      [&](int64_t earlier) { return earlier > pts[at]; });
    max_later = std::max(max_later, static_cast<int>(later));
  }
  return max_later;
}

int64_t FrameUsOf(const PacketRingView& ring, int32_t connection) {
  const std::vector<int64_t> pts = NewestPts(ring, connection);
  if (pts.size() < 2) return kUsualFrameUs;
  const auto [earliest, latest] = std::minmax_element(pts.begin(), pts.end());
  return std::clamp<int64_t>((*latest - *earliest) / static_cast<int64_t>(pts.size() - 1), kMillisecondUs,
                             kClockJumpUs);
}

}  // namespace chrys
