#pragma once

#include <chrono>
#include <cstdint>

namespace chrys {

// Microseconds since the epoch; jumps when the wall clock is set.
inline int64_t WallUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

// Microseconds since some fixed moment; never jumps. All deadlines are in this clock.
inline int64_t MonotonicUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace chrys
