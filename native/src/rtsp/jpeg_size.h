// Finds the size of JPEG pictures over RTP. The RTP header has eight bits for width and height, in units of eight
// pixels. Cameras with larger pictures write zeros, or the lowest bits of their size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rtsp/jpeg_scan.h"

namespace chrys::rtsp {

struct JpegSize {
  int width = 0;  // pixels
  int height = 0;
  bool is_420 = true;  // 4:2:0, else 4:2:2

  bool operator==(const JpegSize& other) const {
    return width == other.width && height == other.height && is_420 == other.is_420;
  }
};

// Number of units in a picture of that size.
size_t JpegUnits(const JpegSize& size);

// What is known about the size of a picture; 0 = unknown.
struct JpegHints {
  int header_width = 0;  // pixels, of the RTP header
  int header_height = 0;
  int declared_width = 0;  // of the SDP
  int declared_height = 0;
  int usual_width = 0;  // of earlier pictures
  int usual_height = 0;
};

// The size that a picture with this scan has. nullopt: none fits, or several fit equally well.
std::optional<JpegSize> FitJpegSize(const JpegScan& scan, bool is_420, const JpegHints& hints);

}  // namespace chrys::rtsp
