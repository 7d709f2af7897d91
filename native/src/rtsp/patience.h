// How long a camera may be silent before its connection counts as stalled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace chrys::rtsp {

// Learns the usual gap between pictures. Thread: one. Times are monotonic microseconds.
//
// The rate is known after three pictures that span half a second; pictures that a camera kept and sends at once say
// nothing. Until then the limit is at least kFirstPictureUs, so that slow cameras, and those whose first picture comes
// late, run at once. From then on the limit is max(configured, 3 x the usual gap). A gap is usual if it comes again, or
// if the connection is too young to tell. A single interruption of a camera that ran well is not usual, and a silence
// that no picture ended never is: a camera that died does not get a longer limit.
class Patience {
 public:
  // Minimum limit while the rate is not known.
  static constexpr int64_t kFirstPictureUs = 15'000'000;

  // `configured_us`: the limit for cameras with many pictures a second. `sdp_fps`: the declared frame rate, 0 = none.
  // `remembered_gap_us`: usual_gap_us() or GapAfterStallUs() of an earlier connection, 0 = none.
  Patience(int64_t configured_us, double sdp_fps, int64_t remembered_gap_us,
           int64_t first_picture_us = kFirstPictureUs);

  void OnPicture(int64_t now_us);
  // How long the next picture may take, counted from the last one, or from PLAY.
  int64_t LimitUs() const;
  // The maximum usual gap, to be remembered for the next connection; 0 = not known.
  int64_t usual_gap_us() const;
  // What to remember instead when the connection ended because LimitUs() had passed. If there were pictures, but too
  // few to know the rate, the camera may be slower than the limit allows: the next connection waits twice as long, at
  // most kMaxUnknownUs.
  int64_t GapAfterStallUs() const;

 private:
  struct Gap {
    int64_t end_us = 0;
    int64_t gap_us = 0;
    bool early = false;  // the connection was too young to tell whether it is usual
  };

  static constexpr int64_t kKnownPictures = 3;
  static constexpr int64_t kMaxUnknownUs = 300'000'000;
  static constexpr size_t kMaxGaps = 16;

  bool known() const;
  // Gaps that are shorter do not change the limit.
  int64_t NotableUs() const { return configured_us_ / 3; }

  const int64_t configured_us_;
  const int64_t declared_gap_us_;
  const int64_t remembered_gap_us_;
  const int64_t first_picture_us_;
  int64_t pictures_ = 0;
  int64_t first_us_ = 0;
  int64_t last_us_ = 0;
  double mean_gap_us_ = 0;
  std::deque<Gap> gaps_;  // the last notable ones, oldest first
};

}  // namespace chrys::rtsp
