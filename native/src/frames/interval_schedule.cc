#include "frames/interval_schedule.h"

#include <algorithm>
#include <limits>

#include "base/atomics.h"

namespace chrys {

namespace {

constexpr double kUsualHalfFrame = 0.02;
// When a due time is further ahead than two intervals plus this, the stream's clock has jumped.
constexpr double kMaxAheadSeconds = 1;

}  // namespace

void IntervalSchedule::Update(const std::atomic<int32_t>* interval_ms, int32_t filters) {
  for (size_t i = 0; i < intervals_.size(); ++i) {
    const bool in_use = (filters >> (kFilterFirstInterval + i) & 1) != 0;
    const int32_t ms = in_use ? LoadRelaxed(interval_ms[i]) : 0;
    if (ms == intervals_[i].ms) continue;
    intervals_[i] = Interval();
    intervals_[i].ms = ms;
  }
}

void IntervalSchedule::Restart() {
  for (Interval& interval : intervals_) {
    interval.fresh = true;
    interval.aligned = false;
  }
}

void IntervalSchedule::BeginGop(double start_seconds, double gop_seconds, double frame_seconds) {
  gop_start_ = start_seconds;
  gop_seconds_ = gop_seconds;
  half_frame_ = frame_seconds > 0 ? frame_seconds / 2 : kUsualHalfFrame;
  for (Interval& interval : intervals_) {
    // A frame from before the jump was taken after Restart, for example one that the decoder held back.
    if (interval.due - start_seconds <= 2 * interval.seconds() + kMaxAheadSeconds) continue;
    interval.fresh = true;
    interval.aligned = false;
    interval.due = 0;
  }
}

bool IntervalSchedule::ByKeyframes(const Interval& interval) const {
  return gop_seconds_ > 0 && interval.seconds() > gop_seconds_ - half_frame_;
}

// How long before the due time a keyframe may be taken, in seconds.
double IntervalSchedule::Slack(const Interval& interval) const {
  return ByKeyframes(interval) ? gop_seconds_ / 2 : interval.seconds() / 4;
}

bool IntervalSchedule::IsDue(const Interval& interval, double seconds, bool is_keyframe) const {
  if (interval.fresh) return true;
  if (is_keyframe) {
    // The first keyframe is taken early, so that later due times fall on keyframes where possible.
    if (!interval.aligned) return seconds - interval.last >= interval.seconds() / 2;
    return seconds >= interval.due - Slack(interval);
  }
  const bool overdue = gop_seconds_ > 0 && seconds > gop_start_ + 2 * gop_seconds_;
  if (ByKeyframes(interval) && !overdue) return false;
  if (seconds < interval.due - half_frame_) return false;
  const double gop_end = gop_start_ + gop_seconds_;
  const bool keyframe_is_near = gop_seconds_ > 0 && seconds < gop_end && gop_end - interval.due <= Slack(interval);
  return !keyframe_is_near;
}

bool IntervalSchedule::KeyframeDue(double seconds) const {
  return std::any_of(intervals_.begin(), intervals_.end(),
                     [&](const Interval& each) { return each.ms > 0 && IsDue(each, seconds, true); });
}

bool IntervalSchedule::NeedsRest(const Interval& interval, double now_seconds) const {
  if (interval.ms == 0) return false;
  if (interval.fresh || gop_seconds_ <= 0) return true;
  const double gop_end = gop_start_ + gop_seconds_;
  // The GOP is longer than usual, so the time of the next keyframe is not known.
  if (now_seconds > gop_end + half_frame_) {
    const bool overdue = now_seconds > gop_start_ + 2 * gop_seconds_;
    return (overdue || !ByKeyframes(interval)) && interval.due - half_frame_ <= now_seconds;
  }
  return !ByKeyframes(interval) && gop_end - interval.due > Slack(interval);
}

bool IntervalSchedule::NeedsRestOfGop(double now_seconds) const {
  return std::any_of(intervals_.begin(), intervals_.end(),
                     [&](const Interval& each) { return NeedsRest(each, now_seconds); });
}

double IntervalSchedule::NextDue() const {
  double next = std::numeric_limits<double>::infinity();
  for (const Interval& interval : intervals_) {
    if (interval.ms == 0) continue;
    next = std::min(next, interval.fresh ? -next : interval.due - half_frame_);
  }
  return next;
}

int32_t IntervalSchedule::Take(double seconds, bool is_keyframe) {
  int32_t filters = 0;
  for (size_t i = 0; i < intervals_.size(); ++i) {
    Interval& interval = intervals_[i];
    if (interval.ms == 0) continue;
    const bool due = IsDue(interval, seconds, is_keyframe);
    const bool aligns = is_keyframe && !interval.aligned;
    if (due) filters |= 1 << (kFilterFirstInterval + i);
    if (due || aligns) {
      const double next = interval.due + interval.seconds();
      // Counted from the due time and not from the frame, so that the mean interval is exact.
      const bool keeps_step = !interval.fresh && !aligns && next > seconds + interval.seconds() / 2 &&
                              next < seconds + interval.seconds() * 3 / 2;
      interval.due = keeps_step ? next : seconds + interval.seconds();
    }
    if (due) {
      interval.last = seconds;
      interval.fresh = false;
    }
    if (aligns) interval.aligned = true;
  }
  return filters;
}

}  // namespace chrys
