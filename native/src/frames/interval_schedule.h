// Decides which frames are due for callers that asked for one frame per interval. It keeps decoding low: a keyframe
// near the due time is taken instead of the frame at that time, and keyframes alone serve intervals of a GOP or longer.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "rings/ring_layout.h"

namespace chrys {

class IntervalSchedule {
 public:
  // Sets the intervals in use: `interval_ms` of each interval filter in `filters`. A new interval is due at once.
  void Update(const std::atomic<int32_t>* interval_ms, int32_t filters);

  // After a clock jump or a change of the stream. Every interval is due.
  void Restart();

  // A GOP begins. `gop_seconds` and `frame_seconds`: usual durations, 0 = not known yet.
  void BeginGop(double start_seconds, double gop_seconds, double frame_seconds);

  // Whether a keyframe at `seconds` of the stream's time is due.
  bool KeyframeDue(double seconds) const;

  // Whether a frame of the current GOP at or after `now_seconds` is due.
  bool NeedsRestOfGop(double now_seconds) const;

  // The earliest due time. Frames shown before it are not due.
  double NextDue() const;

  // The filters for which a decoded frame is due. Counts the frame as delivered for them.
  int32_t Take(double seconds, bool is_keyframe);

 private:
  struct Interval {
    int32_t ms = 0;        // 0 = not in use
    bool fresh = true;     // no frame was taken yet
    bool aligned = false;  // due times were aligned to a keyframe
    double due = 0;        // seconds
    double last = 0;       // seconds, the frame taken last

    double seconds() const { return ms / 1000.0; }
  };

  bool ByKeyframes(const Interval& interval) const;
  double Slack(const Interval& interval) const;
  bool IsDue(const Interval& interval, double seconds, bool is_keyframe) const;
  bool NeedsRest(const Interval& interval, double now_seconds) const;

  std::array<Interval, kIntervals> intervals_;
  double gop_start_ = 0;
  double gop_seconds_ = 0;
  double half_frame_ = 0.02;
};

}  // namespace chrys
