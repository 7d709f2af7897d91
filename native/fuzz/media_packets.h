// Makes RTP packets of the fuzzer's bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "rtsp/rtp.h"

namespace chrys::rtsp {

// The form of a packet: a byte of flags (1 = marker, 2 = later timestamp, 4 = one packet lost before it, 8 = header
// extension); two bytes with the size of the payload; for an extension, two bytes of profile and one of size; then
// extension and payload.
class FuzzPackets {
 public:
  FuzzPackets(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  bool Next(RtpPacket* packet, int* lost) {
    if (size_ < 3) return false;
    const uint8_t flags = data_[0];
    size_t payload = static_cast<size_t>(data_[1] << 8 | data_[2]);
    Skip(3);
    *packet = {};
    packet->marker = (flags & 1) != 0;
    if ((flags & 2) != 0) time_ += 3000;
    *lost = (flags & 4) != 0 ? 1 : 0;
    if ((flags & 8) != 0 && size_ >= 3) {
      packet->extension_profile = static_cast<uint16_t>(data_[0] << 8 | data_[1]);
      packet->extension_size = std::min<size_t>(data_[2], size_ - 3);
      Skip(3);
      packet->extension = data_;
      Skip(packet->extension_size);
    }
    payload = std::min(payload, size_);
    packet->timestamp = time_;
    packet->sequence = sequence_++;
    packet->payload = data_;
    packet->size = payload;
    Skip(payload);
    return true;
  }

 private:
  void Skip(size_t bytes) {
    data_ += bytes;
    size_ -= bytes;
  }

  const uint8_t* data_;
  size_t size_;
  uint32_t time_ = 0;
  uint16_t sequence_ = 0;
};

}  // namespace chrys::rtsp
