// Pictures of every size and format, compared with those that libswscale writes into padded rows: `picture_test`.
#include "frames/picture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

using namespace chrys;

namespace {

constexpr uint8_t kGuard = 0xA5;
constexpr size_t kGuardBytes = 4096;
constexpr int kRowPadding = 256;  // bytes, in the expected picture

const std::vector<AVPixelFormat> kSources{AV_PIX_FMT_YUV420P,     AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV422P,
                                          AV_PIX_FMT_YUVJ422P,    AV_PIX_FMT_YUV444P,  AV_PIX_FMT_YUV420P10LE,
                                          AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_GRAY8,    AV_PIX_FMT_NV12};
const std::vector<int32_t> kFormats{kFormatBgr24, kFormatRgb24, kFormatGray8, kFormatI420};

AvPtr<AVFrame> Noise(AVPixelFormat format, int width, int height) {
  AvPtr<AVFrame> frame(av_frame_alloc());
  frame->format = format;
  frame->width = width;
  frame->height = height;
  frame->colorspace = AVCOL_SPC_BT709;
  av_frame_get_buffer(frame.get(), 0);
  std::minstd_rand random(static_cast<unsigned>(width * 7 + height));
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  const int depth = description->comp[0].depth;
  for (int plane = 0; plane < 4 && frame->data[plane] != nullptr; ++plane) {
    const int rows = plane == 0 ? height : AV_CEIL_RSHIFT(height, description->log2_chroma_h);
    const int values = frame->linesize[plane] / (depth > 8 ? 2 : 1);
    for (int y = 0; y < rows; ++y) {
      uint8_t* row = frame->data[plane] + static_cast<std::ptrdiff_t>(y) * frame->linesize[plane];
      for (int x = 0; x < values; ++x) {
        const unsigned value = random() >> 8;
        if (depth > 8) {
          reinterpret_cast<uint16_t*>(row)[x] = static_cast<uint16_t>(value & ((1U << depth) - 1));
        } else {
          row[x] = static_cast<uint8_t>(value);
        }
      }
    }
  }
  return frame;
}

AVPixelFormat TargetOf(int32_t format) {
  return format == kFormatBgr24   ? AV_PIX_FMT_BGR24
         : format == kFormatRgb24 ? AV_PIX_FMT_RGB24
         : format == kFormatGray8 ? AV_PIX_FMT_GRAY8
                                  : AV_PIX_FMT_YUV420P;
}

bool FullRange(const AVFrame* frame) {
  return frame->format == AV_PIX_FMT_YUVJ420P || frame->format == AV_PIX_FMT_YUVJ422P;
}

// The picture as `ffmpeg -pix_fmt` makes it, without gaps.
std::vector<uint8_t> Expected(const AVFrame* frame, int32_t format, PictureSize size) {
  const AVPixelFormat target = TargetOf(format);
  const bool scaled = frame->width != size.width || frame->height != size.height;
  const bool from_full = FullRange(frame);
  const bool to_full = target == AV_PIX_FMT_GRAY8 || (target == AV_PIX_FMT_YUV420P && from_full);
  const AvPtr<SwsContext> sws(sws_alloc_context());
  av_opt_set_int(sws.get(), "srcw", frame->width, 0);
  av_opt_set_int(sws.get(), "srch", frame->height, 0);
  av_opt_set_int(sws.get(), "src_format", frame->format, 0);
  av_opt_set_int(sws.get(), "dstw", size.width, 0);
  av_opt_set_int(sws.get(), "dsth", size.height, 0);
  av_opt_set_int(sws.get(), "dst_format", target, 0);
  av_opt_set_int(sws.get(), "sws_flags", scaled ? SWS_BILINEAR : SWS_BICUBIC, 0);
  av_opt_set_int(sws.get(), "src_range", from_full, 0);
  av_opt_set_int(sws.get(), "dst_range", to_full, 0);
  CHECK(sws_init_context(sws.get(), nullptr, nullptr) >= 0);
  const int* matrix = sws_getCoefficients(frame->colorspace);
  const bool rgb = target == AV_PIX_FMT_BGR24 || target == AV_PIX_FMT_RGB24;
  sws_setColorspaceDetails(sws.get(), matrix, from_full, rgb ? sws_getCoefficients(SWS_CS_DEFAULT) : matrix, to_full, 0,
                           1 << 16, 1 << 16);
  int strides[4];
  av_image_fill_linesizes(strides, target, size.width);
  std::vector<uint8_t> planes[4];
  uint8_t* data[4] = {};
  int wide[4] = {};
  for (int i = 0; i < av_pix_fmt_count_planes(target); ++i) {
    wide[i] = (strides[i] + 63) / 64 * 64 + kRowPadding;
    planes[i].resize(static_cast<size_t>(wide[i]) * static_cast<size_t>(size.height + 1) + 64);
    data[i] = planes[i].data() + (64 - reinterpret_cast<uintptr_t>(planes[i].data()) % 64) % 64;
  }
  sws_scale(sws.get(), frame->data, frame->linesize, 0, frame->height, data, wide);
  std::vector<uint8_t> made;
  for (int i = 0; i < av_pix_fmt_count_planes(target); ++i) {
    const int rows = i == 0 ? size.height : size.height / 2;
    for (int y = 0; y < rows; ++y) {
      const uint8_t* row = data[i] + static_cast<std::ptrdiff_t>(y) * wide[i];
      made.insert(made.end(), row, row + strides[i]);
    }
  }
  return made;
}

// The bytes that PictureMaker makes. Checks that it writes only where it may.
std::vector<uint8_t> Made(PictureMaker& maker, const AVFrame* frame, const OutputFormat& output_format,
                          PictureSize size) {
  const size_t room = PictureRoom(output_format.format, size);
  // As in a slot, the picture begins at an address that is a multiple of 64.
  std::vector<uint8_t> memory(kGuardBytes + room + kGuardBytes, kGuard);
  const size_t begin = kGuardBytes - reinterpret_cast<uintptr_t>(memory.data()) % 64;
  const auto bytes = maker.Make(frame, output_format, size, memory.data() + begin, room);
  CHECK(bytes);
  const auto untouched = [&](size_t from, size_t to) {
    return std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(from),
                       memory.begin() + static_cast<std::ptrdiff_t>(to), [](uint8_t byte) { return byte == kGuard; });
  };
  CHECK(untouched(0, begin));
  CHECK(untouched(begin + room + kPicturePadding, memory.size()));
  const uint8_t* picture = memory.data() + begin;
  return {picture, picture + (bytes ? *bytes : 0)};
}

void Compare(AVPixelFormat source, int32_t format, int width, int height, int to_width, int to_height) {
  const AvPtr<AVFrame> frame = Noise(source, width, height);
  OutputFormat output_format;
  output_format.format = format;
  output_format.width = to_width;
  output_format.height = to_height;
  output_format.enlarge = true;
  const PictureSize size = SizeOf(output_format, width, height);
  PictureMaker maker;
  INFO(av_get_pix_fmt_name(source), " ", width, "x", height, " to format ", format, " ", size.width, "x", size.height);
  CHECK((Made(maker, frame.get(), output_format, size) == Expected(frame.get(), format, size)));
}

TEST_CASE("pictures of all sizes equal those in padded rows") {
  for (const AVPixelFormat source : kSources) {
    for (const int32_t format : kFormats) {
      for (int width = 1; width <= 100; ++width) {
        for (const int height : {1, 2, 5, 18}) Compare(source, format, width, height, 0, 0);
      }
      for (int width = 1; width <= 70; ++width) {
        Compare(source, format, 2 * width + 3, 21, width, 11);
        Compare(source, format, (width + 1) / 2, 7, width, 18);
      }
    }
  }
}

TEST_CASE("pictures in sizes of real cameras equal those in padded rows") {
  const std::vector<PictureSize> sizes{{854, 480}, {1366, 768},  {500, 376},   {1030, 580}, {1294, 964}, {333, 641},
                                       {641, 333}, {1080, 1920}, {2304, 1296}, {1000, 560}, {352, 288}};
  for (const int32_t format : kFormats) {
    for (const PictureSize size : sizes) {
      for (const AVPixelFormat source : {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P10LE}) {
        Compare(source, format, size.width, size.height, 0, 0);
      }
      Compare(AV_PIX_FMT_YUV420P, format, 1920, 1080, size.width, size.height);
    }
  }
}

// One maker for frames of changing size and format, as after a camera has changed its stream.
TEST_CASE("the converter follows frames that change size and format") {
  PictureMaker maker;
  for (const int32_t format : {kFormatBgr24, kFormatI420}) {
    for (const int width : {854, 640, 17, 1366, 854}) {
      const AvPtr<AVFrame> frame = Noise(AV_PIX_FMT_YUV420P, width, 48);
      OutputFormat output_format;
      output_format.format = format;
      const PictureSize size = SizeOf(output_format, width, 48);
      CHECK(Made(maker, frame.get(), output_format, size) == Expected(frame.get(), format, size));
    }
  }
}

// A picture of one colour must have that colour in every pixel of its JPEG, also in the last column and row.
void CheckLastColumn(AVPixelFormat source, int width, int height, int to_width) {
  const AvPtr<AVFrame> frame(av_frame_alloc());
  frame->format = source;
  frame->width = width;
  frame->height = height;
  av_frame_get_buffer(frame.get(), 0);
  for (const AVBufferRef* buffer : frame->buf) {
    if (buffer != nullptr) std::memset(buffer->data, 128, buffer->size);
  }
  const std::ptrdiff_t strides[4] = {frame->linesize[0], frame->linesize[1], frame->linesize[2], 0};
  av_image_fill_black(frame->data, strides, source, AVCOL_RANGE_MPEG, width, height);
  std::memset(frame->data[0], 235, static_cast<size_t>(frame->linesize[0]) * static_cast<size_t>(height));
  OutputFormat output_format;
  output_format.format = kFormatJpeg;
  output_format.width = to_width;
  output_format.enlarge = true;
  const PictureSize size = SizeOf(output_format, width, height);
  PictureMaker maker;
  std::vector<uint8_t> jpeg = Made(maker, frame.get(), output_format, size);
  const size_t bytes = jpeg.size();
  jpeg.resize(bytes + AV_INPUT_BUFFER_PADDING_SIZE);

  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
  const AvPtr<AVCodecContext> decoder(avcodec_alloc_context3(codec));
  const AvPtr<AVPacket> packet(av_packet_alloc());
  const AvPtr<AVFrame> shown(av_frame_alloc());
  packet->data = jpeg.data();
  packet->size = static_cast<int>(bytes);
  CHECK(avcodec_open2(decoder.get(), codec, nullptr) >= 0);
  CHECK(avcodec_send_packet(decoder.get(), packet.get()) >= 0);
  CHECK(avcodec_receive_frame(decoder.get(), shown.get()) >= 0);
  CHECK(shown->width == size.width);
  CHECK(shown->height == size.height);
  int darkest = 255;
  for (int y = 0; y < shown->height; ++y) {
    for (int x = 0; x < shown->width; ++x) {
      darkest = std::min<int>(darkest, shown->data[0][static_cast<std::ptrdiff_t>(y) * shown->linesize[0] + x]);
    }
  }
  CHECK(darkest >= 250);
}

TEST_CASE("a JPEG of one colour has that colour up to the last column") {
  av_log_set_level(AV_LOG_ERROR);
  for (const int width : {1, 17, 333, 500, 641, 854}) {
    CheckLastColumn(AV_PIX_FMT_YUV420P, width, 37, 0);
    CheckLastColumn(AV_PIX_FMT_YUV422P, 640, 36, width);
  }
}

// Turned pictures, compared with those of the same frame without rotation.
TEST_CASE("pictures are turned upright") {
  const AvPtr<AVFrame> plain = Noise(AV_PIX_FMT_YUV420P, 70, 46);
  for (const double angle : {0.0, 90.0, 180.0, 270.0}) {
    for (const int flip : {0, 1}) {
      const AvPtr<AVFrame> frame(av_frame_clone(plain.get()));
      AVFrameSideData* data = av_frame_new_side_data(frame.get(), AV_FRAME_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
      int32_t matrix[9];
      av_display_rotation_set(matrix, angle);
      av_display_matrix_flip(matrix, flip, 0);
      std::memcpy(data->data, matrix, sizeof matrix);
      for (const int32_t format : kFormats) {
        OutputFormat output_format;
        output_format.format = format;
        const PictureSize shown = UprightSize(frame.get());
        CHECK(shown.width == (angle == 90 || angle == 270 ? 46 : 70));
        PictureMaker maker;
        const auto turned = Made(maker, frame.get(), output_format, SizeOf(output_format, shown.width, shown.height));
        const auto stored = Made(maker, plain.get(), output_format, SizeOf(output_format, 70, 46));
        CHECK(turned.size() == stored.size());
        const int bytes = format == kFormatBgr24 || format == kFormatRgb24 ? 3 : 1;
        int wrong = 0;
        for (int y = 0; y < 46; ++y) {
          for (int x = 0; x < 70; ++x) {
            // (x', y') = (a x + c y, b x + d y), from the middle of the picture.
            const double from_x = x - 34.5;
            const double from_y = y - 22.5;
            const double to_x = (matrix[0] * from_x + matrix[3] * from_y) / 65536 + (shown.width - 1) / 2.0;
            const double to_y = (matrix[1] * from_x + matrix[4] * from_y) / 65536 + (shown.height - 1) / 2.0;
            const size_t to = static_cast<size_t>(std::lround(to_y) * shown.width + std::lround(to_x)) * bytes;
            const size_t from = static_cast<size_t>(y * 70 + x) * bytes;
            wrong += std::memcmp(&turned[to], &stored[from], static_cast<size_t>(bytes)) == 0 ? 0 : 1;
          }
        }
        CHECK(wrong == 0);
      }
    }
  }
}

}  // namespace
