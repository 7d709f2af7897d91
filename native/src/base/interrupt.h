// Ends the blocking libav calls of a capture: at the stop flag of the control block, or at a deadline.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>

#include "base/atomics.h"
#include "base/clock.h"

extern "C" {
#include <libavformat/avio.h>
}

namespace chrys {

class Interrupt {
 public:
  // libav calls the callback at least this often while it waits.
  static constexpr int64_t kGranularityUs = 100'000;

  explicit Interrupt(const std::atomic<int32_t>& stop) : stop_(stop) {}
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool stopped() const { return LoadRelaxed(stop_) != 0; }
  bool expired() const { return MonotonicUs() >= deadline_us_; }
  void SetDeadline(int64_t monotonic_us) { deadline_us_ = monotonic_us; }

  // Sleeps until `monotonic_us`. False: the stop flag was raised before.
  bool SleepUntil(int64_t monotonic_us) const {
    constexpr int64_t kSliceUs = 50'000;
    for (;;) {
      if (stopped()) return false;
      const int64_t left_us = monotonic_us - MonotonicUs();
      if (left_us <= 0) return true;
      std::this_thread::sleep_for(std::chrono::microseconds(left_us < kSliceUs ? left_us : kSliceUs));
    }
  }

  AVIOInterruptCB callback() {
    return {[](void* self) -> int {
              const auto* interrupt = static_cast<const Interrupt*>(self);
              return interrupt->stopped() || interrupt->expired() ? 1 : 0;
            },
            this};
  }

 private:
  const std::atomic<int32_t>& stop_;
  int64_t deadline_us_ = std::numeric_limits<int64_t>::max();
};

}  // namespace chrys
