// The clocks of the process. All threads share them.
#pragma once

#include <chrono>
#include <cstdint>

namespace chrys {

// Microseconds since a fixed moment. Never jumps. All deadlines use this clock.
inline int64_t MonotonicUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

// Microseconds since the epoch, the same for the whole process. Follows the wall clock but never runs backwards, so
// that recordings never overlap: when the wall clock is set back, this clock runs slower until the wall clock has
// caught up.
int64_t WallUs();

// From now on WallUs is later than `us`, unless `us` is 25 h or more ahead: then it came from a wrong clock, and
// nothing changes.
void KeepWallAfter(int64_t us);

}  // namespace chrys
