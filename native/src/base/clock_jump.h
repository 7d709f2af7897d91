// Whether the clock of a stream jumped between two packets.
#pragma once

#include <algorithm>
#include <cstdint>

namespace chrys {

// Packets of one connection whose times differ by more than this lie on different sides of a jump.
constexpr int64_t kClockJumpUs = 10'000'000;

// `pts_step_us` and `arrival_step_us`: the differences of pts and of arrival between a packet and a later one of the
// same connection. A pause of the camera is not a jump. Packets that arrive late or all at once are not a jump.
inline bool IsClockJump(int64_t pts_step_us, int64_t arrival_step_us) {
  constexpr int64_t kMaxGapUs = 86'400'000'000;
  return pts_step_us < -kClockJumpUs || pts_step_us > kClockJumpUs + std::clamp<int64_t>(arrival_step_us, 0, kMaxGapUs);
}

}  // namespace chrys
