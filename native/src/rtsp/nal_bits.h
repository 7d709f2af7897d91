// Reads the bits of NAL units (ITU-T H.264 and H.265, clauses 7.2, 7.3.1 and 9.1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace chrys::rtsp {

// Copies a NAL unit without its emulation prevention bytes, until `out` is full. Returns the number of bytes copied.
size_t Unescape(const uint8_t* nal, size_t size, uint8_t* out, size_t out_size);

// Reads bits. Bits after the end read as zero, and ok() is false from then on.
class BitReader {
 public:
  BitReader(const uint8_t* data, size_t size) : data_(data), bits_(size * 8) {}
  uint32_t Bits(int count);
  bool Flag() { return Bits(1) != 0; }
  uint32_t Ue();
  int32_t Se();
  void Skip(size_t count) { at_ += count; }
  bool ok() const { return ok_ && at_ <= bits_; }

 private:
  const uint8_t* const data_;
  const size_t bits_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace chrys::rtsp
