// Clocks. All threads of the process share them.
#pragma once

#include <chrono>
#include <cstdint>

namespace chrys {

// Microseconds since some fixed moment; never jumps. All deadlines are in this clock.
inline int64_t MonotonicUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

// Microseconds since the epoch, the same for the whole process. Follows the wall clock, but never runs backwards: when
// the wall clock is set back, this one runs slower until the other has caught up, so that what is recorded never
// overlaps.
int64_t WallUs();

// From now on WallUs is later than `us`, unless the wall clock is so far behind that one of the two must have been
// wrong.
void KeepWallAfter(int64_t us);

}  // namespace chrys
