// Counts the units in the entropy-coded data of a baseline JPEG picture. RTP carries a picture's size only up to 2040
// pixels. For larger pictures, the number of units shows whether a supposed size is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rtsp/jpeg_tables.h"

namespace chrys::rtsp {

struct JpegScan {
  // Minimum coded units: 16x16 pixels of 4:2:0, 16x8 of 4:2:2.
  size_t units = 0;
  // The brightness of each unit: the coefficient of its first luma block, in quantizer steps.
  std::vector<int16_t> brightness;
};

// Reads the data up to their end or EOI, in time linear to `size`. `restart_interval`: units between two restart
// markers, 0 = none. nullopt: the data are not whole, or not coded with these tables and that sampling.
std::optional<JpegScan> ReadJpegScan(const uint8_t* data, size_t size, bool is_420, int restart_interval,
                                     const HuffmanTables& tables);

}  // namespace chrys::rtsp
