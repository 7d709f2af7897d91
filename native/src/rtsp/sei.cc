#include "rtsp/sei.h"

#include <algorithm>
#include <array>

#include "rtsp/nal_bits.h"

namespace chrys::rtsp {

namespace {

constexpr size_t kSeiHeadBytes = 512;
constexpr uint32_t kRecoveryPoint = 6;  // payloadType

// Reads a number that is coded as a row of 0xff and a last byte; the number is their sum.
bool ReadSeiNumber(const uint8_t* data, size_t size, size_t* at, size_t* number) {
  *number = 0;
  while (*at < size) {
    const uint8_t byte = data[(*at)++];
    *number += byte;
    if (byte != 0xff) return true;
  }
  return false;
}

}  // namespace

std::optional<int> RecoveryCount(NalCodec codec, const uint8_t* nal, size_t size) {
  std::array<uint8_t, kSeiHeadBytes> plain;
  const size_t count = Unescape(nal, size, plain.data(), plain.size());
  size_t at = NalHeaderBytes(codec);
  while (at < count) {
    size_t type = 0;
    size_t length = 0;
    if (!ReadSeiNumber(plain.data(), count, &at, &type) || !ReadSeiNumber(plain.data(), count, &at, &length)) break;
    if (length > count - at) break;
    if (type == kRecoveryPoint) {
      BitReader bits(plain.data() + at, length);
      const int value = codec == NalCodec::kH264 ? static_cast<int>(std::min(bits.Ue(), 65'535U)) : bits.Se();
      return bits.ok() ? std::optional<int>(std::clamp(value, -65'536, 65'535)) : std::nullopt;
    }
    at += length;
  }
  return std::nullopt;
}

bool EndsAfterSeiMessage(NalCodec codec, const uint8_t* nal, size_t size) {
  while (size > 0 && nal[size - 1] == 0) --size;
  size_t at = NalHeaderBytes(codec);
  // The lengths of messages do not count emulation prevention bytes.
  int zeros = 0;
  const auto next = [&](size_t* value) {
    if (at < size && zeros >= 2 && nal[at] == 3) {
      ++at;
      zeros = 0;
    }
    if (at >= size) return false;
    zeros = nal[at] == 0 ? zeros + 1 : 0;
    *value = nal[at++];
    return true;
  };
  const auto number = [&](size_t* value) {
    size_t byte = 0xff;
    for (*value = 0; byte == 0xff; *value += byte) {
      if (!next(&byte)) return false;
    }
    return true;
  };
  while (at < size) {
    // Trailing bits.
    if (at + 1 == size && nal[at] == 0x80) return true;
    size_t type = 0;
    size_t length = 0;
    if (!number(&type) || !number(&length)) return false;
    for (size_t byte = 0; length > 0; --length) {
      if (!next(&byte)) return false;
    }
  }
  return true;
}

}  // namespace chrys::rtsp
