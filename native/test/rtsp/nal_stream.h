// NAL units and RTP packets made by hand, for the tests of the H.264 and HEVC depacketizers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rtsp/depacketizer.h"

namespace chrys::rtsp {

using Bytes = std::vector<uint8_t>;

class BitWriter {
 public:
  BitWriter& U(int count, uint32_t value) {
    for (int i = count - 1; i >= 0; --i) Bit((value >> i & 1) != 0);
    return *this;
  }
  BitWriter& Ue(uint32_t value) {
    const uint64_t code = uint64_t{value} + 1;
    int length = 0;
    while (code >> (length + 1) != 0) ++length;
    for (int i = 0; i < length; ++i) Bit(false);
    for (int i = length; i >= 0; --i) Bit((code >> i & 1) != 0);
    return *this;
  }
  // Adds trailing bits and emulation prevention after a header.
  Bytes Nal(const Bytes& header) {
    Bit(true);
    while (bits_ % 8 != 0) Bit(false);
    Bytes nal = header;
    int zeros = 0;
    for (const uint8_t byte : data_) {
      if (zeros >= 2 && byte <= 3) {
        nal.push_back(3);
        zeros = 0;
      }
      nal.push_back(byte);
      zeros = byte == 0 ? zeros + 1 : 0;
    }
    return nal;
  }

 private:
  void Bit(bool bit) {
    if (bits_ % 8 == 0) data_.push_back(0);
    if (bit) data_.back() |= static_cast<uint8_t>(0x80 >> bits_ % 8);
    ++bits_;
  }
  Bytes data_;
  size_t bits_ = 0;
};

// Adds bytes that hold no start code.
inline Bytes Padded(Bytes nal, size_t size) {
  for (uint32_t i = 0; nal.size() < size; ++i) nal.push_back(static_cast<uint8_t>(0x41 + i % 0x3f));
  return nal;
}

inline Bytes Joined(const std::vector<Bytes>& nals) {
  Bytes data;
  for (const Bytes& nal : nals) {
    data.insert(data.end(), {0, 0, 0, 1});
    data.insert(data.end(), nal.begin(), nal.end());
  }
  return data;
}

// A depacketizer and the packets that go into it.
class Camera {
 public:
  explicit Camera(std::unique_ptr<VideoDepacketizer> depacketizer, bool hevc)
      : depacketizer_(std::move(depacketizer)), hevc_(hevc) {}

  VideoDepacketizer& depacketizer() { return *depacketizer_; }
  std::vector<AccessUnit>& units() { return units_; }
  void set_time(uint32_t time) { time_ = time; }
  uint32_t time() const { return time_; }
  void set_fragment_bytes(size_t bytes) { fragment_bytes_ = bytes; }
  // These packets are missing before the next one.
  void Lose(int packets) { lost_ += packets; }
  // The next `packets` packets are lost on the way.
  void DropNext(int packets) { dropped_ = packets; }

  void Send(const Bytes& payload, bool marker) {
    arrival_us_ += 10;
    if (dropped_ > 0) {
      --dropped_;
      ++lost_;
      return;
    }
    RtpPacket packet;
    packet.marker = marker;
    packet.timestamp = time_;
    packet.payload = payload.data();
    packet.size = payload.size();
    depacketizer_->Push(packet, lost_, arrival_us_);
    lost_ = 0;
    AccessUnit unit;
    while (depacketizer_->Take(&unit)) units_.push_back(std::move(unit));
  }

  // One NAL unit, in fragments when it is large.
  void SendNal(const Bytes& nal, bool marker) {
    if (nal.size() <= fragment_bytes_) return Send(nal, marker);
    const size_t header = hevc_ ? 2 : 1;
    for (size_t at = header; at < nal.size(); at += fragment_bytes_) {
      const size_t size = std::min(fragment_bytes_, nal.size() - at);
      const bool end = at + size == nal.size();
      Bytes payload = FragmentHeader(nal, at == header, end);
      payload.insert(payload.end(), nal.begin() + static_cast<long>(at), nal.begin() + static_cast<long>(at + size));
      Send(payload, marker && end);
    }
  }

  Bytes FragmentHeader(const Bytes& nal, bool start, bool end) const {
    const auto bits = static_cast<uint8_t>((start ? 0x80 : 0) | (end ? 0x40 : 0));
    if (!hevc_) {
      return {static_cast<uint8_t>((nal[0] & 0xe0) | 28), static_cast<uint8_t>(bits | (nal[0] & 0x1f))};
    }
    return {static_cast<uint8_t>((nal[0] & 0x81) | 49 << 1), nal[1], static_cast<uint8_t>(bits | (nal[0] >> 1 & 0x3f))};
  }

  // A picture with its own time and the marker at its end.
  void SendPicture(const std::vector<Bytes>& nals) {
    time_ += 3600;
    arrival_us_ += 40'000;
    for (size_t i = 0; i < nals.size(); ++i) SendNal(nals[i], i + 1 == nals.size());
  }

 private:
  std::unique_ptr<VideoDepacketizer> depacketizer_;
  const bool hevc_;
  std::vector<AccessUnit> units_;
  uint32_t time_ = 90'000;
  int64_t arrival_us_ = 1'000'000;
  size_t fragment_bytes_ = 1000;
  int lost_ = 0;
  int dropped_ = 0;
};

inline std::string Damaged(const std::vector<AccessUnit>& units) {
  std::string flags;
  for (const AccessUnit& unit : units) flags += unit.damaged ? 'x' : '.';
  return flags;
}

}  // namespace chrys::rtsp
