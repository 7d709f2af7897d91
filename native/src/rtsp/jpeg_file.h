// JPEG files around entropy-coded data (ITU-T T.81, annex B).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rtsp/jpeg_size.h"

namespace chrys::rtsp {

// Quantization tables as in a DQT segment, in zigzag order.
struct JpegQuantization {
  struct Table {
    bool is_16_bit = false;
    std::vector<uint8_t> values;  // 64 or 128 bytes
  };
  std::vector<Table> tables;  // of luma and chroma; one serves both
};

// Marker segments that ONVIF's RTP header extension carries because RFC 2435 cannot (ONVIF streaming, "JPEG over RTP").
struct JpegExtension {
  std::vector<uint8_t> tables;  // whole DQT, DHT and DRI segments, as they came
  bool has_quantization = false;
  bool has_huffman = false;
  bool has_restart = false;
  std::vector<uint8_t> frame;  // whole SOF segment; empty: there is none
  int width = 0;               // of `frame`
  int height = 0;

  // `data`: content of the extension. Segments that are cut off or of other kinds are left out.
  static JpegExtension Parse(const uint8_t* data, size_t size);
};

// The file up to the entropy-coded data. `extension` may be null.
std::vector<uint8_t> JpegHead(const JpegSize& size, const JpegQuantization& quantization, int restart_interval,
                              const JpegExtension* extension);

}  // namespace chrys::rtsp
