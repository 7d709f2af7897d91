#include "source/loop_times.h"

#include <algorithm>

namespace chrys {

LoopTimes::Times LoopTimes::Add(int64_t pts, int64_t dts, int64_t duration, bool hidden) {
  const int64_t earliest = last_dts_ ? *last_dts_ + 1 : loop_begin_;
  if (hidden) {
    last_dts_ = earliest;
    return {earliest, earliest};
  }
  const bool first = !last_shown_dts_;
  if (first) {
    offset_ = std::max(loop_begin_, earliest) - dts;
  } else {
    const int64_t gap = dts + *offset_ - *last_shown_dts_;
    if (gap > kMaxGapUs || gap < -kMinLoopUs) offset_ = *last_shown_dts_ + last_duration_ - dts;
  }
  Times times;
  times.dts = std::max(dts + *offset_, earliest);
  times.pts = std::max(pts + *offset_, times.dts);
  last_dts_ = last_shown_dts_ = times.dts;
  last_duration_ = duration;
  if (first) first_dts_ = times.dts;
  first_pts_ = first ? times.pts : std::min(first_pts_, times.pts);
  end_pts_ = first ? times.pts + duration : std::max(end_pts_, times.pts + duration);
  return times;
}

void LoopTimes::BeginLoop() {
  if (last_shown_dts_) loop_begin_ = first_dts_ + std::max(end_pts_ - first_pts_, kMinLoopUs);
  offset_.reset();
  last_shown_dts_.reset();
}

}  // namespace chrys
