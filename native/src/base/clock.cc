#include "base/clock.h"

#include <algorithm>
#include <mutex>

namespace chrys {

namespace {

// A clock that is ahead loses so much of the time that passes: an hour takes 20 hours to go.
constexpr int64_t kSlewDivisor = 20;
// What was recorded further in the future than this was recorded with a wrong clock.
constexpr int64_t kMaxAheadUs = 25LL * 3600 * 1'000'000;
// Both clocks were read at one moment if that took no longer.
constexpr int64_t kOneMomentUs = 200;
constexpr int kReadings = 5;

struct Moment {
  int64_t monotonic_us = 0;
  int64_t offset_us = 0;  // of the wall clock against the monotonic one
};

Moment Read() {
  using namespace std::chrono;
  Moment moment;
  for (int i = 0; i < kReadings; ++i) {
    const int64_t before = MonotonicUs();
    const int64_t wall = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    moment = {MonotonicUs(), wall - before};
    if (moment.monotonic_us - before <= kOneMomentUs) break;
  }
  return moment;
}

std::mutex clock_mutex;
bool clock_started = false;
Moment clock_state;

// With the mutex.
void Advance() {
  const Moment now = Read();
  if (clock_started && now.offset_us < clock_state.offset_us) {
    const int64_t passed = std::max<int64_t>(0, now.monotonic_us - clock_state.monotonic_us);
    // The rest of a division would be lost at every call: wait until it is worth a step.
    if (passed < kSlewDivisor) return;
    clock_state = {now.monotonic_us, std::max(now.offset_us, clock_state.offset_us - passed / kSlewDivisor)};
  } else {
    clock_state = now;
  }
  clock_started = true;
}

}  // namespace

int64_t WallUs() {
  const std::lock_guard<std::mutex> lock(clock_mutex);
  Advance();
  return MonotonicUs() + clock_state.offset_us;
}

void KeepWallAfter(int64_t us) {
  const std::lock_guard<std::mutex> lock(clock_mutex);
  Advance();
  const int64_t ahead_us = us - (clock_state.monotonic_us + clock_state.offset_us);
  if (ahead_us > 0 && ahead_us < kMaxAheadUs) clock_state.offset_us += ahead_us + 1;
}

}  // namespace chrys
