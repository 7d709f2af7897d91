#include "frames/orientation.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

extern "C" {
#include <libavutil/display.h>
}

namespace chrys {

Orientation OrientationOf(const int32_t matrix[9]) {
  // x' = a x + c y, y' = b x + d y.
  const int64_t a = matrix[0];
  const int64_t b = matrix[1];
  const int64_t c = matrix[3];
  const int64_t d = matrix[4];
  const auto much_smaller = [](int64_t one, int64_t other) { return std::abs(one) * 16 < std::abs(other); };
  if (much_smaller(b, a) && much_smaller(c, d)) return {false, a < 0, d < 0};
  if (much_smaller(a, b) && much_smaller(d, c)) return {true, c < 0, b < 0};
  return {};
}

Orientation OrientationOf(const AVFrame* frame) {
  const AVFrameSideData* data = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
  if (data == nullptr || static_cast<size_t>(data->size) < 9 * sizeof(int32_t)) return {};
  int32_t matrix[9];
  std::memcpy(matrix, data->data, sizeof matrix);
  return OrientationOf(matrix);
}

namespace {

template <int kBytes>
void Turn(const Orientation& orientation, const uint8_t* source, int source_stride, uint8_t* target, int target_stride,
          int width, int height) {
  // The step in the source for one pixel to the right in the target.
  std::ptrdiff_t step = orientation.transpose ? source_stride : kBytes;
  if (orientation.reverse_x) step = -step;
  // Squares keep both axes of the source within the cache.
  constexpr int kSquare = 16;
  for (int top = 0; top < height; top += kSquare) {
    for (int left = 0; left < width; left += kSquare) {
      const int right = std::min(width, left + kSquare);
      for (int y = top; y < std::min(height, top + kSquare); ++y) {
        const std::ptrdiff_t from_x = orientation.reverse_x ? width - 1 - left : left;
        const std::ptrdiff_t from_y = orientation.reverse_y ? height - 1 - y : y;
        const uint8_t* from = orientation.transpose ? source + from_x * source_stride + from_y * kBytes
                                                    : source + from_y * source_stride + from_x * kBytes;
        uint8_t* to =
            target + static_cast<std::ptrdiff_t>(y) * target_stride + static_cast<std::ptrdiff_t>(left) * kBytes;
        for (int x = left; x < right; ++x, from += step, to += kBytes) std::memcpy(to, from, kBytes);
      }
    }
  }
}

}  // namespace

void CopyTurned(const Orientation& orientation, const uint8_t* source, int source_stride, uint8_t* target,
                int target_stride, int width, int height, int bytes_per_pixel) {
  if (bytes_per_pixel == 3) {
    Turn<3>(orientation, source, source_stride, target, target_stride, width, height);
  } else {
    Turn<1>(orientation, source, source_stride, target, target_stride, width, height);
  }
}

std::vector<uint8_t> OrientationSei(AVCodecID codec, const int32_t matrix[9]) {
  if (codec != AV_CODEC_ID_H264 && codec != AV_CODEC_ID_HEVC) return {};
  const Orientation orientation = OrientationOf(matrix);
  if (orientation.upright()) return {};
  // The message mirrors first and turns afterwards.
  const bool mirrored = orientation.transpose != (orientation.reverse_x != orientation.reverse_y);
  // Direction of the picture's right side after mirroring is undone.
  const int right_x = (mirrored ? -1 : 1) * (orientation.transpose ? 0 : (orientation.reverse_x ? -1 : 1));
  const int right_y = (mirrored ? -1 : 1) * (orientation.transpose ? (orientation.reverse_y ? -1 : 1) : 0);
  // The same in anticlockwise quarter turns. y points down.
  const unsigned quarters = right_x > 0 ? 0 : right_y < 0 ? 1 : right_x < 0 ? 2 : 3;
  const unsigned turn = quarters << 14;  // 2^16 is a whole turn
  // Fields: no cancel flag, mirrored left to right, not mirrored top to bottom, the turn; valid for this picture only.
  unsigned bits = (mirrored ? 1U : 0U) << 22 | turn << 5;
  // H.264: repetition period 0 as ue(v), no extension. H.265: no persistence. Then bits up to the end of the byte.
  bits |= codec == AV_CODEC_ID_H264 ? 0b10100U : 0b01000U;
  constexpr uint8_t kPayloadType = 47;
  std::vector<uint8_t> nal{0, 0, 0, 1};
  if (codec == AV_CODEC_ID_H264) {
    nal.push_back(0x06);
  } else {
    nal.insert(nal.end(), {39 << 1, 1});
  }
  // Two zero bytes never follow each other, so no emulation prevention is needed.
  nal.insert(nal.end(), {kPayloadType, 3, static_cast<uint8_t>(bits >> 16), static_cast<uint8_t>(bits >> 8),
                         static_cast<uint8_t>(bits), 0x80});
  return nal;
}

size_t FirstSlice(AVCodecID codec, const uint8_t* data, size_t bytes) {
  for (size_t i = 0; i + 3 < bytes; ++i) {
    if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1) continue;
    const uint8_t header = data[i + 3];
    const int type = codec == AV_CODEC_ID_H264 ? header & 0x1f : header >> 1 & 0x3f;
    const bool slice = codec == AV_CODEC_ID_H264 ? type >= 1 && type <= 5 : type < 32;
    if (slice) return i > 0 && data[i - 1] == 0 ? i - 1 : i;
    i += 2;
  }
  return bytes;
}

}  // namespace chrys
