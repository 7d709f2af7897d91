// Which frames are due for callers that want one about every so many milliseconds, chosen so that as little as possible
// is decoded for them: a keyframe that lies near the due moment is taken instead of the frame at that moment, and an
// interval of a group or more is served by keyframes alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "rings/ring_layout.h"

namespace chrys {

class IntervalSchedule {
 public:
  // Takes over which intervals are in use. A new one is due at once.
  void Update(const std::atomic<int32_t>* interval_ms, int32_t filters);

  // The stream's clock jumped, or it is another stream: everything is due.
  void Restart();

  // A group begins. `group_seconds` and `frame_seconds`: what is usual, 0 = not known yet.
  void BeginGroup(double start_seconds, double group_seconds, double frame_seconds);

  // Whether the keyframe at that time, in the stream's seconds, is due.
  bool KeyframeDue(double seconds) const;

  // Whether a frame of the group in progress is due that does not lie before the packets which come from now on.
  bool NeedsRestOfGroup(double now_seconds) const;

  // The earliest moment for which NeedsRestOfGroup holds; what is shown before it is not due.
  double NextDue() const;

  // The filters for which a decoded frame is due. They count as served with it.
  int32_t Take(double seconds, bool is_keyframe);

 private:
  struct Interval {
    int32_t ms = 0;        // 0 = not in use
    bool fresh = true;     // nothing was taken yet
    bool aligned = false;  // to the keyframes
    double due = 0;        // seconds
    double last = 0;

    double seconds() const { return ms / 1000.0; }
  };

  bool ByKeyframes(const Interval& interval) const;
  double Slack(const Interval& interval) const;
  bool IsDue(const Interval& interval, double seconds, bool is_keyframe) const;
  bool NeedsRest(const Interval& interval, double now_seconds) const;

  std::array<Interval, kIntervals> intervals_;
  double group_start_ = 0;
  double group_seconds_ = 0;
  double half_frame_ = 0.02;
};

}  // namespace chrys
