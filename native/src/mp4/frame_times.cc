#include "mp4/frame_times.h"

#include <algorithm>
#include <cmath>
#include <numeric>

extern "C" {
#include <libavutil/mathematics.h>
}

#include "base/clock_jump.h"

namespace chrys {

namespace {

// Duration of a single frame without a following one.
constexpr double kLoneFrameSeconds = 0.04;
// Maximum duration of a single frame by pts, if the next frame arrived at once.
constexpr double kLoneGapSeconds = 10;
constexpr double kGapSlackSeconds = 1;

int64_t ArrivalTicks(const PacketInfo& first, const PacketInfo& packet) {
  const double seconds = (static_cast<double>(packet.arrival_us) - static_cast<double>(first.arrival_us)) / 1e6;
  return std::llround(seconds * first.time_base_den / first.time_base_num);
}

bool IsJump(const PacketInfo& before, const PacketInfo& after) {
  // Packets from a file can have any times, so the differences are computed in floating point.
  const double tick_us = 1e6 * before.time_base_num / before.time_base_den;
  const double pts_step = (static_cast<double>(after.pts) - static_cast<double>(before.pts)) * tick_us;
  const double arrival_step = static_cast<double>(after.arrival_us) - static_cast<double>(before.arrival_us);
  constexpr double kRange = 1e18;
  return IsClockJump(static_cast<int64_t>(std::clamp(pts_step, -kRange, kRange)),
                     static_cast<int64_t>(std::clamp(arrival_step, -kRange, kRange)));
}

// False: the pts jump, or never change.
bool ArePtsPlausible(const std::vector<PacketInfo>& packets) {
  bool changes = packets.size() == 1;
  for (size_t i = 1; i < packets.size(); ++i) {
    if (IsJump(packets[i - 1], packets[i])) return false;
    changes = changes || packets[i].pts != packets[0].pts;
  }
  return changes;
}

// The packets' pts, or their arrivals if the pts are not plausible.
std::vector<int64_t> TimesAsGiven(const std::vector<PacketInfo>& packets, bool by_pts) {
  std::vector<int64_t> times;
  times.reserve(packets.size());
  for (const PacketInfo& packet : packets) times.push_back(by_pts ? packet.pts : ArrivalTicks(packets.front(), packet));
  return times;
}

}  // namespace

FrameTimes TimesOf(const std::vector<PacketInfo>& packets, const std::optional<PacketInfo>& next) {
  FrameTimes times;
  if (packets.empty()) return times;
  const PacketInfo& first = packets.front();
  const size_t count = packets.size();
  const bool by_pts = ArePtsPlausible(packets);
  const std::vector<int64_t> given = TimesAsGiven(packets, by_pts);
  std::vector<size_t> shown_order(count);
  std::iota(shown_order.begin(), shown_order.end(), 0);
  std::stable_sort(shown_order.begin(), shown_order.end(),
                   [&](size_t one, size_t other) { return given[one] < given[other]; });

  // pts in display order: strictly growing from 0.
  std::vector<int64_t> order(count);
  for (size_t i = 0; i < count; ++i) {
    order[i] = given[shown_order[i]] - given[shown_order[0]];
    if (i > 0) order[i] = std::max(order[i], order[i - 1] + 1);
  }
  times.pts.resize(count);
  for (size_t i = 0; i < count; ++i) times.pts[shown_order[i]] = order[i];

  // Packet i is decoded when frame i is shown, minus the delay that keeps every dts at or below its pts.
  int64_t delay = 0;
  for (size_t i = 0; i < count; ++i) delay = std::max(delay, order[i] - times.pts[i]);
  for (size_t i = 0; i < count; ++i) times.dts.push_back(order[i] - delay);

  const double ticks_per_second = static_cast<double>(first.time_base_den) / first.time_base_num;
  const int64_t usual = count > 1 ? std::max<int64_t>(1, order.back() / static_cast<int64_t>(count - 1))
                                  : std::max<int64_t>(1, std::llround(kLoneFrameSeconds * ticks_per_second));
  int64_t last = usual;
  if (next && next->connection == first.connection && !IsJump(packets.back(), *next)) {
    const int64_t shown = given[shown_order[0]] + order.back();
    int64_t step = 0;
    if (__builtin_sub_overflow(by_pts ? next->pts : ArrivalTicks(first, *next), shown, &step)) step = 0;
    // A longer gap counts if the arrivals are as far apart.
    const double arrival_ticks = static_cast<double>(ArrivalTicks(packets.back(), *next));
    const int64_t by_arrival = std::llround(arrival_ticks + kGapSlackSeconds * ticks_per_second);
    // A single frame has no usual gap to compare with.
    const int64_t short_gap = count > 1 ? 4 * usual : std::llround(kLoneGapSeconds * ticks_per_second);
    if (step > 0 && step <= std::max(short_gap, by_arrival)) last = step;
  }
  times.duration = order.back() + last;
  return times;
}

FrameTimes SegmentClock::Add(const std::vector<PacketInfo>& packets, int64_t duration) {
  const PacketInfo& first = packets.front();
  const AVRational own{first.time_base_num, first.time_base_den};
  const AVRational row{1, kSegmentClockHz};
  int64_t begin = end_;
  if (next_sequence_ != 0 && (first.connection != connection_ || first.sequence != next_sequence_)) {
    const int64_t by_arrival =
        last_begin_ + av_rescale_q(first.arrival_us - last_arrival_us_, AVRational{1, 1'000'000}, row);
    const int64_t max_gap = av_rescale_q(max_gap_us_, AVRational{1, 1'000'000}, row);
    begin = std::max(end_, std::min(by_arrival, max_gap_us_ == INT64_MAX ? INT64_MAX : end_ + max_gap));
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
