#include "frame_times.h"

#include <algorithm>
#include <cmath>
#include <numeric>

extern "C" {
#include <libavutil/mathematics.h>
}

namespace chrys {

namespace {

// Timestamps and arrivals that differ by more than this over a few groups of pictures: the camera's clock jumped.
constexpr double kJumpSeconds = 10;
// Of a lone frame after which nothing came.
constexpr double kLoneFrameSeconds = 0.04;

int64_t ArrivalTicks(const PacketInfo& first, const PacketInfo& packet) {
  const double seconds = static_cast<double>(packet.arrival_us - first.arrival_us) / 1e6;
  return std::llround(seconds * first.time_base_den / first.time_base_num);
}

// The packets' pts, or their arrivals where these cannot be.
std::vector<int64_t> PlausiblePts(const std::vector<PacketInfo>& packets) {
  const PacketInfo& first = packets.front();
  const double tick = static_cast<double>(first.time_base_num) / first.time_base_den;
  std::vector<int64_t> pts;
  std::vector<int64_t> arrivals;
  bool plausible = true;
  for (const PacketInfo& packet : packets) {
    pts.push_back(packet.pts);
    arrivals.push_back(ArrivalTicks(first, packet));
    const auto apart = static_cast<double>(packet.pts) - static_cast<double>(first.pts) - static_cast<double>(arrivals.back());
    plausible = plausible && std::abs(apart) * tick < kJumpSeconds;
  }
  return plausible ? pts : arrivals;
}

}  // namespace

FrameTimes TimesOf(const std::vector<PacketInfo>& packets, const std::optional<PacketInfo>& next) {
  FrameTimes times;
  if (packets.empty()) return times;
  const PacketInfo& first = packets.front();
  const size_t count = packets.size();
  const std::vector<int64_t> given = PlausiblePts(packets);
  std::vector<size_t> shown(count);
  std::iota(shown.begin(), shown.end(), 0);
  std::stable_sort(shown.begin(), shown.end(), [&](size_t one, size_t other) { return given[one] < given[other]; });

  // In the order of display: different, and beginning at 0.
  std::vector<int64_t> order(count);
  for (size_t i = 0; i < count; ++i) {
    order[i] = given[shown[i]] - given[shown[0]];
    if (i > 0) order[i] = std::max(order[i], order[i - 1] + 1);
  }
  times.pts.resize(count);
  for (size_t i = 0; i < count; ++i) times.pts[shown[i]] = order[i];

  // The i-th packet is decoded when the i-th frame is shown, less what the frames that come too late for that need.
  int64_t delay = 0;
  for (size_t i = 0; i < count; ++i) delay = std::max(delay, order[i] - times.pts[i]);
  for (size_t i = 0; i < count; ++i) times.dts.push_back(order[i] - delay);

  const double ticks_per_second = static_cast<double>(first.time_base_den) / first.time_base_num;
  const int64_t usual = count > 1 ? std::max<int64_t>(1, order.back() / static_cast<int64_t>(count - 1))
                                  : std::max<int64_t>(1, std::llround(kLoneFrameSeconds * ticks_per_second));
  int64_t last = usual;
  if (next && next->connection == first.connection) {
    // Whatever the camera says.
    int64_t by_pts = 0;
    if (__builtin_sub_overflow(next->pts, given[shown[0]] + order.back(), &by_pts)) by_pts = 0;
    // A lone frame has no usual gap to compare with.
    const auto most = count > 1 ? 4 * usual : std::llround(kJumpSeconds * ticks_per_second);
    if (by_pts > 0 && by_pts <= most) last = by_pts;
  }
  times.duration = order.back() + last;
  return times;
}

FrameTimes TimeRow::Add(const std::vector<PacketInfo>& packets, int64_t duration) {
  const PacketInfo& first = packets.front();
  const AVRational own{first.time_base_num, first.time_base_den};
  const AVRational row{1, kTimeRowHz};
  int64_t begin = end_;
  if (next_sequence_ != 0 && (first.connection != connection_ || first.sequence != next_sequence_)) {
    const int64_t by_arrival =
        last_begin_ + av_rescale_q(first.arrival_us - last_arrival_us_, AVRational{1, 1'000'000}, row);
    const int64_t most = av_rescale_q(most_gap_us_, AVRational{1, 1'000'000}, row);
    begin = std::max(end_, std::min(by_arrival, most_gap_us_ == INT64_MAX ? INT64_MAX : end_ + most));
  }
  FrameTimes times = TimesOf(packets, std::nullopt);
  times.duration = av_rescale_q(duration, own, row);
  for (size_t i = 0; i < packets.size(); ++i) {
    const int64_t dts = begin + av_rescale_q(times.dts[i], own, row);
    times.dts[i] = std::max(dts, last_dts_ == INT64_MIN ? dts : last_dts_ + 1);
    times.pts[i] = std::max(begin + av_rescale_q(times.pts[i], own, row), times.dts[i]);
    last_dts_ = times.dts[i];
  }
  last_begin_ = begin;
  last_arrival_us_ = first.arrival_us;
  end_ = begin + times.duration;
  connection_ = first.connection;
  next_sequence_ = packets.back().sequence + 1;
  return times;
}

}  // namespace chrys
