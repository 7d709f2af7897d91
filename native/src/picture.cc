#include "picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace chrys {

namespace {

// No camera's frame is larger, and what a caller may ask for is not either.
constexpr int kMostSide = 16384;
constexpr size_t kJpegHeaders = 4096;

int Even(int side) { return std::max(2, side & ~1); }

// libav's scale for JPEG: 2 is best, 31 worst.
int QScale(int quality) {
  return static_cast<int>(std::lround(2 + (100 - std::clamp(quality, 1, 100)) * 29 / 99.0));
}

bool FullRange(const AVFrame* frame) {
  // The yuvj formats are full range by name, whatever the frame says.
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame->format));
  const bool by_name = description != nullptr && std::strncmp(description->name, "yuvj", 4) == 0;
  return by_name || frame->color_range == AVCOL_RANGE_JPEG;
}

}  // namespace

PictureSize SizeOf(const Look& look, int frame_width, int frame_height) {
  double width = look.width;
  double height = look.height;
  if (look.width == 0 && look.height == 0) {
    width = frame_width;
    height = frame_height;
  } else if (look.height == 0) {
    if (!look.enlarge) width = std::min(look.width, frame_width);
    height = width * frame_height / frame_width;
  } else if (look.width == 0) {
    if (!look.enlarge) height = std::min(look.height, frame_height);
    width = height * frame_width / frame_height;
  } else if (!look.enlarge) {
    width = std::min(look.width, frame_width);
    height = std::min(look.height, frame_height);
  }
  const auto side = [](double value) { return static_cast<int>(std::lround(std::clamp<double>(value, 1, kMostSide))); };
  PictureSize size{side(width), side(height)};
  if (look.format == kFormatI420) size = {Even(size.width), Even(size.height)};
  return size;
}

size_t PictureRoom(int32_t format, PictureSize size) {
  const auto pixels = static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
  switch (format) {
    case kFormatGray8:
      return pixels;
    case kFormatI420:
      return pixels * 3 / 2;
    case kFormatJpeg:
      return pixels * 2 + kJpegHeaders;
    default:
      return pixels * 3;
  }
}

bool PictureMaker::Shape::operator==(const Shape& other) const {
  return width == other.width && height == other.height && format == other.format && colorspace == other.colorspace &&
         range == other.range && out_width == other.out_width && out_height == other.out_height &&
         out_format == other.out_format;
}

bool PictureMaker::Scale(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool full_range,
                         uint8_t* const planes[4], const int strides[4]) {
  const Shape shape{frame->width, frame->height, frame->format,       frame->colorspace,
                    frame->color_range, size.width, size.height, static_cast<int>(format)};
  if (!sws_ || !(shape == shape_)) {
    const auto source = static_cast<AVPixelFormat>(frame->format);
    if (!sws_isSupportedInput(source)) return false;
    const bool scaled = size.width != frame->width || size.height != frame->height;
    sws_.reset(sws_getContext(frame->width, frame->height, source, size.width, size.height, format,
                              scaled ? SWS_BILINEAR : SWS_BICUBIC, nullptr, nullptr, nullptr));
    if (!sws_) return false;
    shape_ = shape;
    // JFIF wants BT.601; RGB has no matrix. What stays YUV as it came keeps its own.
    const int* from = sws_getCoefficients(frame->colorspace);
    const int* to = format == AV_PIX_FMT_YUV420P && !full_range ? from : sws_getCoefficients(SWS_CS_DEFAULT);
    sws_setColorspaceDetails(sws_.get(), from, FullRange(frame) ? 1 : 0, to, full_range ? 1 : 0, 0, 1 << 16, 1 << 16);
  }
  return sws_scale(sws_.get(), frame->data, frame->linesize, 0, frame->height, planes, strides) == size.height;
}

std::optional<size_t> PictureMaker::Make(const AVFrame* frame, const Look& look, PictureSize size, uint8_t* target) {
  if (look.format == kFormatJpeg) return MakeJpeg(frame, look, size, target);
  uint8_t* planes[4] = {target, nullptr, nullptr, nullptr};
  int strides[4] = {size.width * 3, 0, 0, 0};
  AVPixelFormat format = AV_PIX_FMT_BGR24;
  bool full_range = true;
  if (look.format == kFormatRgb24) {
    format = AV_PIX_FMT_RGB24;
  } else if (look.format == kFormatGray8) {
    format = AV_PIX_FMT_GRAY8;
    strides[0] = size.width;
  } else if (look.format == kFormatI420) {
    format = AV_PIX_FMT_YUV420P;
    full_range = FullRange(frame);
    const auto luma = static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
    planes[1] = target + luma;
    planes[2] = planes[1] + luma / 4;
    strides[0] = size.width;
    strides[1] = strides[2] = size.width / 2;
  }
  if (!Scale(frame, size, format, full_range, planes, strides)) return std::nullopt;
  return PictureRoom(look.format, size);
}

std::optional<size_t> PictureMaker::MakeJpeg(const AVFrame* frame, const Look& look, PictureSize size, uint8_t* target) {
  if (!jpeg_ || jpeg_->width != size.width || jpeg_->height != size.height || jpeg_quality_ != look.quality) {
    const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    if (codec == nullptr) return std::nullopt;
    jpeg_.reset(avcodec_alloc_context3(codec));
    jpeg_frame_.reset(av_frame_alloc());
    jpeg_packet_.reset(av_packet_alloc());
    if (!jpeg_ || !jpeg_frame_ || !jpeg_packet_) return std::nullopt;
    jpeg_->width = size.width;
    jpeg_->height = size.height;
    jpeg_->pix_fmt = AV_PIX_FMT_YUV420P;
    jpeg_->color_range = AVCOL_RANGE_JPEG;
    jpeg_->time_base = {1, 1000};
    jpeg_->thread_count = 1;
    jpeg_->qmin = jpeg_->qmax = QScale(look.quality);
    jpeg_frame_->width = size.width;
    jpeg_frame_->height = size.height;
    jpeg_frame_->format = AV_PIX_FMT_YUV420P;
    jpeg_frame_->color_range = AVCOL_RANGE_JPEG;
    if (avcodec_open2(jpeg_.get(), codec, nullptr) < 0 || av_frame_get_buffer(jpeg_frame_.get(), 0) < 0) {
      jpeg_.reset();
      return std::nullopt;
    }
    jpeg_quality_ = look.quality;
    jpeg_frame_->pts = 0;
  }
  if (av_frame_make_writable(jpeg_frame_.get()) < 0) return std::nullopt;
  if (!Scale(frame, size, AV_PIX_FMT_YUV420P, true, jpeg_frame_->data, jpeg_frame_->linesize)) return std::nullopt;
  // The encoder refuses a picture whose time is not later than that of the one before.
  ++jpeg_frame_->pts;
  jpeg_frame_->quality = jpeg_->qmin * FF_QP2LAMBDA;
  if (avcodec_send_frame(jpeg_.get(), jpeg_frame_.get()) < 0) return std::nullopt;
  if (avcodec_receive_packet(jpeg_.get(), jpeg_packet_.get()) < 0) return std::nullopt;
  const auto bytes = static_cast<size_t>(jpeg_packet_->size);
  const bool fits = bytes <= PictureRoom(kFormatJpeg, size);
  if (fits) std::memcpy(target, jpeg_packet_->data, bytes);
  av_packet_unref(jpeg_packet_.get());
  if (!fits) return std::nullopt;
  return bytes;
}

}  // namespace chrys
