// Times of the packets of a file that is played in a loop: the times go on from loop to loop.
#pragma once

#include <cstdint>
#include <optional>

namespace chrys {

// All times are microseconds. The file's own clock may begin anywhere, below 0 too.
class LoopTimes {
 public:
  // Minimum length of a loop. The last picture of a shorter file stays until then.
  static constexpr int64_t kMinLoopUs = 1'000'000;
  // A greater distance between two packets is a break in the file's clock, and no pause.
  static constexpr int64_t kMaxGapUs = 60'000'000;

  struct Times {
    int64_t pts = 0;
    int64_t dts = 0;  // grows with every packet; at most pts
  };

  // The next packet, in the order of decoding. `hidden`: players decode it and do not show its picture (edit lists), so
  // it takes no time.
  Times Add(int64_t pts, int64_t dts, int64_t duration, bool hidden);
  // The next packet is one from the file's beginning again.
  void BeginLoop();
  // What is added to times of the file; nullopt until the loop has shown a picture.
  std::optional<int64_t> offset() const { return offset_; }

 private:
  std::optional<int64_t> offset_;
  std::optional<int64_t> last_dts_;
  std::optional<int64_t> last_shown_dts_;  // of this loop
  int64_t last_duration_ = 0;
  int64_t loop_begin_ = 0;
  // Times of this loop's shown packets, on the clock that goes on.
  int64_t first_dts_ = 0;
  int64_t first_pts_ = 0;
  int64_t end_pts_ = 0;
};

}  // namespace chrys
