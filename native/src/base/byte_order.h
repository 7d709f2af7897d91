// Integers in network byte order (big-endian), as RTP, RTCP, mp4 and JPEG store them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chrys {

inline uint16_t ReadBig16(const uint8_t* data) { return static_cast<uint16_t>(data[0] << 8 | data[1]); }

inline uint32_t ReadBig24(const uint8_t* data) {
  return static_cast<uint32_t>(data[0]) << 16 | static_cast<uint32_t>(data[1]) << 8 | data[2];
}

inline uint32_t ReadBig32(const uint8_t* data) { return static_cast<uint32_t>(data[0]) << 24 | ReadBig24(data + 1); }

inline uint64_t ReadBig64(const uint8_t* data) {
  return static_cast<uint64_t>(ReadBig32(data)) << 32 | ReadBig32(data + 4);
}

inline void WriteBig32(uint8_t* target, uint32_t value) {
  for (int i = 0; i < 4; ++i) target[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

inline void WriteBig64(uint8_t* target, uint64_t value) {
  WriteBig32(target, static_cast<uint32_t>(value >> 32));
  WriteBig32(target + 4, static_cast<uint32_t>(value));
}

inline void AppendBig16(std::vector<uint8_t>* target, uint16_t value) {
  target->push_back(static_cast<uint8_t>(value >> 8));
  target->push_back(static_cast<uint8_t>(value));
}

inline void AppendBig32(std::vector<uint8_t>* target, uint32_t value) {
  AppendBig16(target, static_cast<uint16_t>(value >> 16));
  AppendBig16(target, static_cast<uint16_t>(value));
}

}  // namespace chrys
