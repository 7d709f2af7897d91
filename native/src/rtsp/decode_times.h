// Decoding times, which RTP does not carry.
#pragma once

#include <algorithm>
#include <cstdint>

namespace chrys::rtsp {

// Without reordered pictures, dts is pts. With reordered pictures, dts lags behind pts by the largest step back of pts
// so far. It never decreases.
class DecodeTimes {
 public:
  // The dts of the next packet, ticks. `usual_ticks`: the usual distance of two pictures, 0 = not known.
  int64_t Next(int64_t pts, int64_t usual_ticks) {
    const int64_t usual = std::max<int64_t>(1, usual_ticks);
    if (max_pts_ != INT64_MIN && pts < max_pts_) {
      const int64_t back = max_pts_ - pts;
      if (back < kMaxReorderedPictures * usual) reorder_ticks_ = std::max(reorder_ticks_, back);
    }
    max_pts_ = std::max(max_pts_, pts);
    int64_t dts = pts;
    if (reorder_ticks_ > 0) {
      const int64_t next = last_dts_ == INT64_MIN ? INT64_MIN : last_dts_ + 1;
      dts = std::min(pts, std::max(max_pts_ - reorder_ticks_, next));
    }
    last_dts_ = dts;
    return dts;
  }

 private:
  // A larger step back is a jump of the camera's clock.
  static constexpr int64_t kMaxReorderedPictures = 16;

  int64_t max_pts_ = INT64_MIN;
  int64_t last_dts_ = INT64_MIN;
  int64_t reorder_ticks_ = 0;
};

}  // namespace chrys::rtsp
