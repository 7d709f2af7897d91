// The tables of baseline JPEG that RTP does not carry (ITU-T T.81, annex K), and quantization by a Q value (RFC 2435).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace chrys::rtsp {

// The content of a DHT segment: the number of codes of each length from 1 to 16 bits, and their values in order.
struct HuffmanTable {
  std::array<uint8_t, 16> counts{};
  std::vector<uint8_t> values;
};

struct HuffmanTables {
  HuffmanTable dc[2];  // of luma, of chroma
  HuffmanTable ac[2];
};

// The tables of T.81, K.3.
const HuffmanTables& StandardHuffmanTables();

// Quantization tables of luma and chroma in zigzag order (RFC 2435, appendix A). Q counts as 1 to 99.
std::array<std::array<uint8_t, 64>, 2> QuantizationTables(int q);

}  // namespace chrys::rtsp
