// Compares the clock of a stream with the arrival of its packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace chrys::rtsp {

// Measures by the lower envelope of (arrival - stream time) in bins of at least one second: packets can arrive late,
// and never early, so bursts and network jitter do not count. All times in microseconds. Thread: one. Bounded memory.
class ClockMeter {
 public:
  // `media_us`: time by the stream's own clock, without jumps. `out_us`: the time that the packet got.
  void Add(int64_t arrival_us, int64_t media_us, int64_t out_us);
  // Forgets the rate, for example because a burst has disproved it. Keeps LatenessUs and DeficitUs.
  void ForgetRate() { rate_begin_ = closed_.size(); }

  // From now on, packets get times that are later by `out_us`. Adapts the lateness that was measured before.
  void Shift(int64_t out_us);

  // Arrival time per stream time over the longest period of at least 2 s that is regular, if it differs from `current`
  // by more than `deadband` (0.02 = 2 %). Ratios of more than 4/3 or less than 3/4 of `current` need a period of at
  // least 4 s.
  std::optional<double> Ratio(double current, double deadband) const;

  // The smallest (arrival - out) of the last seconds. 0 before the first Add.
  int64_t LatenessUs() const;
  // The same without the bin in progress; nullopt: no bin is complete.
  std::optional<int64_t> SettledLatenessUs() const;

  // How far the times of the packets have fallen behind arrival (positive) or run ahead of it (negative), compared with
  // the beginning. A deficit counts only if it lasts for `bins` bins. The burst at the start of a
  // connection does not count, and neither does slow drift (up to 2 %).
  int64_t DeficitUs(size_t bins) const;

 private:
  struct Bin {
    int64_t first_arrival_us = 0;
    int count = 0;
    int64_t arrival_us = 0;  // of the packet with the smallest delay
    int64_t media_us = 0;    // of the same packet
    int64_t lateness_us = 0;
    int64_t max_delay_us = 0;
    int64_t delay_us() const { return arrival_us - media_us; }
    int64_t jitter_us() const { return max_delay_us - delay_us(); }
  };

  void Close(int64_t arrival_us);
  static std::optional<double> Deviation(const Bin& from, const Bin& to, double current);

  std::deque<Bin> closed_;  // oldest first
  size_t rate_begin_ = 0;   // bins before this one do not count for the rate
  Bin open_;
  int64_t reference_us_ = 0;  // lateness that counts as 0
  int64_t began_us_ = 0;
  bool any_ = false;
};

}  // namespace chrys::rtsp
