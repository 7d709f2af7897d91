// A decoded frame as callers want to see it: scaled, in one of the formats of the protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/av_handles.h"
#include "frames/orientation.h"
#include "rings/ring_layout.h"

namespace chrys {

// What a caller asks for.
struct OutputFormat {
  int32_t format = kFormatBgr24;
  int32_t width = 0;  // pixels; 0 = as the other one and the aspect say, both 0 = the frame's size
  int32_t height = 0;
  int32_t quality = 85;  // of a JPEG, 1 to 100
  bool enlarge = false;

  bool operator==(const OutputFormat& other) const {
    return format == other.format && width == other.width && height == other.height && quality == other.quality &&
           enlarge == other.enlarge;
  }
};

struct PictureSize {
  int width = 0;
  int height = 0;
};

// The size of the frame once it is turned upright; see orientation.h.
PictureSize UprightSize(const AVFrame* frame);

// The size of the picture that `look` makes of a frame of that size. Even sides for I420.
PictureSize SizeOf(const OutputFormat& output_format, int frame_width, int frame_height);

// Bytes that a picture of that size takes; of a JPEG, more than it ever may take.
size_t PictureRoom(int32_t format, PictureSize size);

// The planes of a picture, one after the other in memory.
struct Planes {
  int count = 1;
  int bytes_per_pixel = 1;
  uint8_t* data[4] = {};
  int strides[4] = {};  // bytes from row to row
  int widths[4] = {};   // pixels
  int rows[4] = {};
  size_t bytes = 0;  // of all planes
};

// Makes pictures of one look. Keeps its contexts while size and format stay.
class PictureMaker {
 public:
  // Writes the picture into `target`, which has `room` bytes and kPicturePadding more, and returns its bytes. `room` is
  // PictureRoom, or less for a JPEG. nullopt: libswscale cannot convert that pixel format, or the JPEG exceeds its
  // room.
  std::optional<size_t> Make(const AVFrame* frame, const OutputFormat& output_format, PictureSize size, uint8_t* target,
                             size_t room);

 private:
  struct Shape {
    int width = 0, height = 0, format = -1, colorspace = -1, range = -1;
    int out_width = 0, out_height = 0, out_format = -1;
    bool operator==(const Shape& other) const;
  };

  // A picture whose rows follow each other without gaps, as callers get it.
  bool MakeRaw(const AVFrame* frame, const OutputFormat& output_format, PictureSize size, uint8_t* target);
  // Planes in padded_ with room behind each row. Valid until the next call.
  Planes PaddedPlanes(AVPixelFormat format, PictureSize size);
  bool ScaleAndTurn(const AVFrame* frame, const Orientation& orientation, PictureSize size, AVPixelFormat format,
                    bool jfif, uint8_t* const planes[4], const int strides[4]);
  bool OpenScaler(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool jfif);
  // `jfif`: with the matrix and the range of a JPEG file.
  bool Scale(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool jfif, uint8_t* const planes[4],
             const int strides[4]);
  std::optional<size_t> MakeJpeg(const AVFrame* frame, const OutputFormat& output_format, PictureSize size,
                                 uint8_t* target, size_t room);

  Shape shape_;
  AvPtr<SwsContext> sws_;
  std::vector<uint8_t> padded_;  // rows with gaps, for the sizes that need them
  AvPtr<AVCodecContext> jpeg_;
  int jpeg_quality_ = 0;
  AvPtr<AVFrame> jpeg_frame_;
  AvPtr<AVPacket> jpeg_packet_;
};

}  // namespace chrys
