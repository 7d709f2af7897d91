// The common part of the fuzz targets for the H.264 and HEVC depacketizers.
//
// The input begins with one byte of options. Packets follow: one byte of flags, two bytes of length (big endian), and
// the payload.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "rtsp/depacketizer.h"

namespace chrys::rtsp {

inline void Check(bool holds) {
  if (!holds) std::abort();
}

inline void CheckUnit(const AccessUnit& unit) {
  Check(unit.data.size() > 4 && unit.data.size() <= kMaxPictureBytes);
  Check(unit.data[0] == 0 && unit.data[1] == 0 && unit.data[2] == 0 && unit.data[3] == 1);
  Check(!(unit.keyframe && unit.recovery));
  Check(unit.arrival_us > 0);
}

inline bool Reliable(uint8_t options) { return (options & 1) != 0; }

inline DepacketizerHabits Habits(uint8_t options) {
  DepacketizerHabits habits;
  habits.marks_every_slice = (options & 2) != 0;
  habits.sequence_unreliable = (options & 4) != 0;
  return habits;
}

inline void PushPackets(VideoDepacketizer& depacketizer, const uint8_t* data, size_t size) {
  constexpr uint8_t kMarker = 1, kNewTime = 2, kLost = 4, kLostMany = 8, kRestart = 16;
  RtpPacket packet;
  int64_t arrival_us = 1;
  while (size >= 3) {
    const uint8_t flags = data[0];
    const size_t length = std::min(size - 3, static_cast<size_t>(data[1]) << 8 | data[2]);
    // A copy of the exact size, so that the sanitizer sees each read beyond its end.
    const std::vector<uint8_t> payload(data + 3, data + 3 + length);
    data += 3 + length;
    size -= 3 + length;
    packet.marker = (flags & kMarker) != 0;
    if ((flags & kNewTime) != 0) packet.timestamp += 3600;
    packet.payload = payload.data();
    packet.size = payload.size();
    if ((flags & kRestart) != 0) depacketizer.Restart();
    depacketizer.Push(packet, (flags & kLost) != 0 ? 1 : (flags & kLostMany) != 0 ? 40 : 0, arrival_us);
    arrival_us += 20'000;
    AccessUnit unit;
    while (depacketizer.Take(&unit)) CheckUnit(unit);
    Check(depacketizer.extradata().size() <= 64 << 10);
  }
}

}  // namespace chrys::rtsp
