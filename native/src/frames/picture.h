// Makes pictures of decoded frames: scaled, turned upright, in an output format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/av_handles.h"
#include "base/result.h"
#include "frames/orientation.h"
#include "rings/ring_layout.h"

namespace chrys {

// What a caller chooses. See the protocol's PictureFormat for the formats.
struct OutputFormat {
  int32_t format = kFormatBgr24;
  int32_t width = 0;  // pixels; 0 = follows from the height and the aspect ratio, both 0 = the frame's size
  int32_t height = 0;
  int32_t quality = 85;  // JPEG quality, 1 to 100
  bool enlarge = false;  // may be larger than the frame

  bool operator==(const OutputFormat& other) const {
    return format == other.format && width == other.width && height == other.height && quality == other.quality &&
           enlarge == other.enlarge;
  }
};

struct PictureSize {
  int width = 0;
  int height = 0;
};

// The size of the frame after it is turned upright; see orientation.h.
PictureSize UprightSize(const AVFrame* frame);

// The size of a picture in this format of a frame of this size, in pixels. I420 has even sides.
PictureSize SizeOf(const OutputFormat& format, int frame_width, int frame_height);

// Bytes of a picture of this size. For JPEG, an upper limit.
size_t PictureRoom(int32_t format, PictureSize size);

// The planes of a picture, one after the other in memory.
struct Planes {
  int count = 1;
  int bytes_per_pixel = 1;
  uint8_t* data[4] = {};
  int strides[4] = {};  // bytes from row to row
  int widths[4] = {};   // pixels
  int rows[4] = {};
  size_t bytes = 0;  // all planes together
};

// Makes pictures in one output format. Keeps its contexts while size and format stay.
class PictureMaker {
 public:
  // Writes the picture into `target`, which has `room` bytes and kPicturePadding more. Returns the picture's bytes.
  // `room` is PictureRoom, or less for JPEG. Errors: libswscale cannot convert the frame's pixel format, the JPEG
  // encoder fails, or the JPEG exceeds `room` (error_number ENOBUFS).
  Result<size_t> Make(const AVFrame* frame, const OutputFormat& format, PictureSize size, uint8_t* target, size_t room);

 private:
  struct Shape {
    int width = 0, height = 0, format = -1, colorspace = -1, range = -1;
    int out_width = 0, out_height = 0, out_format = -1;
    bool operator==(const Shape& other) const;
  };

  // A picture without gaps between its rows.
  bool MakeRaw(const AVFrame* frame, const OutputFormat& output, PictureSize size, uint8_t* target);
  // Planes in padded_ with gaps behind each row. Valid until the next call.
  Planes PaddedPlanes(AVPixelFormat format, PictureSize size);
  bool ScaleAndTurn(const AVFrame* frame, const Orientation& orientation, PictureSize size, AVPixelFormat format,
                    bool jfif, uint8_t* const planes[4], const int strides[4]);
  bool OpenScaler(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool jfif);
  // `jfif`: uses the matrix and the range of JPEG files.
  bool Scale(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool jfif, uint8_t* const planes[4],
             const int strides[4]);
  Result<size_t> MakeJpeg(const AVFrame* frame, PictureSize size, int quality, uint8_t* target, size_t room);
  // Opens the encoder if it has another size or quality. libav's error, or 0.
  int OpenJpegEncoder(PictureSize size, int quality);

  Shape shape_;
  AvPtr<SwsContext> sws_;
  std::vector<uint8_t> padded_;  // rows with gaps, for sizes that libswscale cannot write without
  AvPtr<AVCodecContext> jpeg_;
  int jpeg_quality_ = 0;
  AvPtr<AVFrame> jpeg_frame_;
  AvPtr<AVPacket> jpeg_packet_;
};

}  // namespace chrys
