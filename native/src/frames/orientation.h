// How a picture must be turned to be upright, and how that travels with H.264 and H.265 packets.
#pragma once

#include <cstdint>
#include <vector>

#include "base/av_handles.h"

namespace chrys {

// The axes are swapped first, then reversed.
struct Orientation {
  bool transpose = false;
  bool reverse_x = false;
  bool reverse_y = false;

  bool upright() const { return !transpose && !reverse_x && !reverse_y; }
};

// The orientation of a display matrix (libavutil/display.h). Angles that are not multiples of 90 degrees are ignored.
Orientation OrientationOf(const int32_t matrix[9]);

// The orientation of a decoded frame, from the side data that libav makes of display orientation SEI messages.
Orientation OrientationOf(const AVFrame* frame);

// Copies a plane of `bytes_per_pixel` and turns it. `width` and `height` are those of the target, in pixels.
void CopyTurned(const Orientation& orientation, const uint8_t* source, int source_stride, uint8_t* target,
                int target_stride, int width, int height, int bytes_per_pixel);

// A display orientation SEI message (ITU-T H.264 D.1.27, H.265 D.2.17) with start code, for insertion before a slice.
// Empty: the codec has no such message, or the picture is upright.
std::vector<uint8_t> OrientationSei(AVCodecID codec, const int32_t matrix[9]);

// Offset of the start code of the first slice, Annex B. `bytes` when there is no slice.
size_t FirstSlice(AVCodecID codec, const uint8_t* data, size_t bytes);

}  // namespace chrys
