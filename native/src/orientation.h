// How a picture must be turned to be upright.
#pragma once

#include <cstdint>
#include <vector>

#include "av_handles.h"

namespace chrys {

// First the axes change places, then they are reversed.
struct Orientation {
  bool transpose = false;
  bool reverse_x = false;
  bool reverse_y = false;

  bool upright() const { return !transpose && !reverse_x && !reverse_y; }
};

// Of a display matrix (libavutil/display.h). Turns that are no multiple of 90 degrees are left out.
Orientation OrientationOf(const int32_t matrix[9]);

// Of a decoded frame, by the side data that libav makes of display orientation SEI.
Orientation OrientationOf(const AVFrame* frame);

// Copies a plane of `bytes_per_pixel`, turned; the sizes are those of the target.
void CopyTurned(const Orientation& orientation, const uint8_t* source, int source_stride, uint8_t* target,
                int target_stride, int width, int height, int bytes_per_pixel);

// A display orientation SEI message (ITU-T H.264 D.1.27, H.265 D.2.17) with start code, so that whoever decodes the packets
// knows the orientation; empty: the codec has none, or the picture is upright.
std::vector<uint8_t> OrientationSei(AVCodecID codec, const int32_t matrix[9]);

// The first byte of the start code in front of the first slice, Annex B; `bytes` when there is none.
size_t FirstSlice(AVCodecID codec, const uint8_t* data, size_t bytes);

}  // namespace chrys
