#include "base/clock.h"

#include <algorithm>
#include <mutex>

namespace chrys {

namespace {

// A clock that is ahead loses one twentieth of the time that passes: an hour ahead takes 20 hours.
constexpr int64_t kSlewDivisor = 20;
// Recordings from further in the future than this were made with a wrong clock.
constexpr int64_t kMaxAheadUs = 25LL * 3600 * 1'000'000;
// Both clocks count as read at one moment when reading them took at most this long.
constexpr int64_t kOneMomentUs = 200;
constexpr int kReadings = 5;

struct Moment {
  int64_t monotonic_us = 0;
  int64_t offset_us = 0;  // wall clock minus monotonic clock
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

// The caller holds clock_mutex.
void Advance() {
  const Moment now = Read();
  if (clock_started && now.offset_us < clock_state.offset_us) {
    const int64_t passed = std::max<int64_t>(0, now.monotonic_us - clock_state.monotonic_us);
    // Each call loses the remainder of the division, so shorter times are left to a later call.
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
