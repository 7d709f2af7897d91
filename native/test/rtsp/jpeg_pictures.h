// Makes JPEG pictures for the tests, in the form that RTP carries: entropy-coded data of blocks of one brightness each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "rtsp/jpeg_tables.h"
#include "rtsp/rtp.h"

namespace chrys::rtsp {

class JpegBits {
 public:
  void Put(uint32_t bits, int count) {
    for (int i = count - 1; i >= 0; --i) {
      byte_ = byte_ << 1 | (bits >> i & 1);
      if (++used_ < 8) continue;
      out.push_back(static_cast<uint8_t>(byte_));
      if ((byte_ & 0xff) == 0xff) out.push_back(0);
      byte_ = 0;
      used_ = 0;
    }
  }
  // Fills the last byte with ones, as T.81 demands.
  void Align() {
    while (used_ > 0) Put(1, 1);
  }
  std::vector<uint8_t> out;

 private:
  uint32_t byte_ = 0;
  int used_ = 0;
};

inline void PutCode(JpegBits& bits, const HuffmanTable& table, uint8_t value) {
  uint32_t code = 0;
  size_t index = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    for (int i = 0; i < table.counts[static_cast<size_t>(length) - 1]; ++i, ++index, ++code) {
      if (table.values[index] == value) return bits.Put(code, length);
    }
  }
}

// Entropy-coded data of a picture. `level`: brightness of a unit by column and row, in steps of the quantizer.
inline std::vector<uint8_t> MakeScan(int width, int height, bool is_420, int restart_interval,
                                     const std::function<int(int, int)>& level) {
  const HuffmanTables& tables = StandardHuffmanTables();
  const int columns = (width + 15) / 16;
  const int rows = is_420 ? (height + 15) / 16 : (height + 7) / 8;
  JpegBits bits;
  int before = 0;
  const auto block = [&](int difference, int kind) {
    int category = 0;
    while (difference != 0 && (difference < 0 ? -difference : difference) >> category != 0) ++category;
    PutCode(bits, tables.dc[kind], static_cast<uint8_t>(category));
    const int coded = difference < 0 ? difference + (1 << category) - 1 : difference;
    bits.Put(static_cast<uint32_t>(coded), category);
    PutCode(bits, tables.ac[kind], 0);
  };
  for (int unit = 0; unit < columns * rows; ++unit) {
    if (restart_interval > 0 && unit > 0 && unit % restart_interval == 0) {
      bits.Align();
      bits.out.push_back(0xff);
      bits.out.push_back(static_cast<uint8_t>(0xd0 + (unit / restart_interval - 1) % 8));
      before = 0;
    }
    const int now = level(unit % columns, unit / columns);
    block(now - before, 0);
    before = now;
    for (int i = 1; i < (is_420 ? 4 : 2); ++i) block(0, 0);
    block(0, 1);
    block(0, 1);
  }
  bits.Align();
  return bits.out;
}

// A packet that owns its bytes.
struct OwnedPacket {
  std::vector<uint8_t> payload;
  std::vector<uint8_t> extension;
  RtpPacket packet;
  const RtpPacket& View() {
    packet.payload = payload.data();
    packet.size = payload.size();
    packet.extension = extension.empty() ? nullptr : extension.data();
    packet.extension_size = extension.size();
    return packet;
  }
};

struct JpegPacketOptions {
  int type = 1;
  int q = 60;
  int width_field = 0;  // as in the header, in units of 8 pixels
  int height_field = 0;
  int restart_interval = 0;
  std::vector<uint8_t> tables;  // quantization header and tables of the first packet
  uint32_t rtp_time = 0;
  size_t fragment_bytes = 1000;
};

inline std::vector<OwnedPacket> JpegPackets(const std::vector<uint8_t>& scan, const JpegPacketOptions& options) {
  std::vector<OwnedPacket> packets;
  for (size_t at = 0; at < scan.size(); at += options.fragment_bytes) {
    OwnedPacket& made = packets.emplace_back();
    const size_t end = std::min(scan.size(), at + options.fragment_bytes);
    for (const size_t byte : {size_t{0}, at >> 16, at >> 8, at}) made.payload.push_back(static_cast<uint8_t>(byte));
    for (const int byte : {options.type, options.q, options.width_field, options.height_field}) {
      made.payload.push_back(static_cast<uint8_t>(byte));
    }
    if (options.type >= 64) {
      for (const int byte : {options.restart_interval >> 8, options.restart_interval, 0xff, 0xff}) {
        made.payload.push_back(static_cast<uint8_t>(byte));
      }
    }
    if (at == 0) made.payload.insert(made.payload.end(), options.tables.begin(), options.tables.end());
    made.payload.insert(made.payload.end(), scan.begin() + static_cast<std::ptrdiff_t>(at),
                        scan.begin() + static_cast<std::ptrdiff_t>(end));
    made.packet.timestamp = options.rtp_time;
    made.packet.marker = end == scan.size();
  }
  return packets;
}

}  // namespace chrys::rtsp
