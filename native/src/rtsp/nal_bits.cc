#include "rtsp/nal_bits.h"

namespace chrys::rtsp {

size_t Unescape(const uint8_t* nal, size_t size, uint8_t* out, size_t out_size) {
  size_t written = 0;
  int zeros = 0;
  for (size_t i = 0; i < size && written < out_size; ++i) {
    if (zeros >= 2 && nal[i] == 3) {
      zeros = 0;
      continue;
    }
    zeros = nal[i] == 0 ? zeros + 1 : 0;
    out[written++] = nal[i];
  }
  return written;
}

uint32_t BitReader::Bits(int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i, ++at_) {
    value <<= 1;
    if (at_ >= bits_) {
      ok_ = false;
    } else {
      value |= (data_[at_ / 8] >> (7 - at_ % 8)) & 1U;
    }
  }
  return value;
}

uint32_t BitReader::Ue() {
  int zeros = 0;
  while (ok() && !Flag()) {
    if (++zeros > 31) {
      ok_ = false;
      return 0;
    }
  }
  return ok() ? (1U << zeros) - 1 + Bits(zeros) : 0;
}

int32_t BitReader::Se() {
  const uint32_t code = Ue();
  const auto magnitude = static_cast<int32_t>((code >> 1) + (code & 1));
  return (code & 1) != 0 ? magnitude : -magnitude;
}

}  // namespace chrys::rtsp
