// Times of the packets of a file that is played in a loop. They continue from loop to loop.
#pragma once

#include <cstdint>
#include <optional>

namespace chrys {

// All times are in microseconds. The file's times may begin anywhere, also below 0.
class LoopTimes {
 public:
  // Minimum duration of a loop. The last picture of a shorter file is shown until then.
  static constexpr int64_t kMinLoopUs = 1'000'000;
  // A greater distance between two packets is a break in the file's times, and not a pause.
  static constexpr int64_t kMaxGapUs = 60'000'000;

  struct Times {
    int64_t pts = 0;
    int64_t dts = 0;  // grows with every packet; at most pts
  };

  // The next packet in decoding order. `hidden`: its picture is not shown (edit lists), so it has no duration.
  Times Add(int64_t pts, int64_t dts, int64_t duration, bool hidden);
  // The next packet is the file's first one again.
  void BeginLoop();
  // The offset that is added to the file's times. nullopt until the loop has shown a picture.
  std::optional<int64_t> offset() const { return offset_; }

 private:
  std::optional<int64_t> offset_;
  std::optional<int64_t> last_dts_;
  std::optional<int64_t> last_shown_dts_;  // of this loop
  int64_t last_duration_ = 0;
  int64_t loop_begin_ = 0;
  // Times of this loop's shown packets, offset included.
  int64_t first_dts_ = 0;
  int64_t first_pts_ = 0;
  int64_t end_pts_ = 0;
};

}  // namespace chrys
