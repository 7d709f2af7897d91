#include "frames/picture.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string>

#include "base/failure.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

namespace chrys {

namespace {

// Maximum side of a picture in pixels. Larger ones are reduced to it.
constexpr int kMaxSide = 16384;
constexpr size_t kJpegHeaders = 4096;
constexpr int kRowAlignment = 64;  // bytes, enough for every vector unit

int Even(int side) { return std::max(2, side & ~1); }

// libav's scale for JPEG: 2 is best, 31 worst.
int QScale(int quality) { return static_cast<int>(std::lround(2 + (100 - std::clamp(quality, 1, 100)) * 29 / 99.0)); }

bool FullRange(const AVFrame* frame) {
  // The yuvj formats have full range, even when the frame declares another one.
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame->format));
  const bool by_name = description != nullptr && std::strncmp(description->name, "yuvj", 4) == 0;
  return by_name || frame->color_range == AVCOL_RANGE_JPEG;
}

// The same layout without the range in its name: libswscale logs a warning about each yuvj format.
AVPixelFormat WithoutRange(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    default:
      return format;
  }
}

AVPixelFormat PixelFormatOf(int32_t format) {
  switch (format) {
    case kFormatRgb24:
      return AV_PIX_FMT_RGB24;
    case kFormatGray8:
      return AV_PIX_FMT_GRAY8;
    case kFormatI420:
      return AV_PIX_FMT_YUV420P;
    default:
      return AV_PIX_FMT_BGR24;
  }
}

// The planes of a picture at `base`. `alignment`: bytes that each row is aligned to, 1 for rows without gaps.
Planes PlanesOf(AVPixelFormat format, PictureSize size, int alignment, uint8_t* base) {
  Planes planes;
  planes.count = format == AV_PIX_FMT_YUV420P ? 3 : 1;
  planes.bytes_per_pixel = format == AV_PIX_FMT_BGR24 || format == AV_PIX_FMT_RGB24 ? 3 : 1;
  for (int i = 0; i < planes.count; ++i) {
    const int shift = i > 0 ? 1 : 0;
    planes.widths[i] = AV_CEIL_RSHIFT(size.width, shift);
    planes.rows[i] = AV_CEIL_RSHIFT(size.height, shift);
    planes.strides[i] = (planes.widths[i] * planes.bytes_per_pixel + (alignment - 1)) / alignment * alignment;
    // The vector code writes up to 16 pixels beyond a row, which must not reach the next row.
    if (alignment > 1) planes.strides[i] += alignment;
    planes.data[i] = base == nullptr ? nullptr : base + planes.bytes;
    planes.bytes += static_cast<size_t>(planes.strides[i]) * static_cast<size_t>(planes.rows[i]);
  }
  return planes;
}

// Whether libswscale makes correct pictures of this width without gaps between the rows. It converts 16 pixels at a
// time and rounds the width of a row up if the stride leaves room for that, and down otherwise. Pixels beyond a row are
// overwritten by the next row, except in very narrow pictures. Planes must begin at aligned addresses.
bool CanOmitGaps(AVPixelFormat format, int width) {
  if (width < 32) return false;
  if (format == AV_PIX_FMT_YUV420P) return width % 32 == 0;
  return format == AV_PIX_FMT_GRAY8 || width % 16 == 0 || width % 16 >= 8;
}

void CopyPlanes(const Planes& sizes, const uint8_t* const source[], const int source_strides[], uint8_t* const target[],
                const int target_strides[]) {
  for (int i = 0; i < sizes.count; ++i) {
    av_image_copy_plane(target[i], target_strides[i], source[i], source_strides[i],
                        sizes.widths[i] * sizes.bytes_per_pixel, sizes.rows[i]);
  }
}

// Whether the frame needs only a copy.
bool IsStoredAs(const AVFrame* frame, AVPixelFormat format, PictureSize size) {
  const bool same_size = frame->width == size.width && frame->height == size.height;
  // The picture keeps the range, so the range may differ.
  return same_size && format == AV_PIX_FMT_YUV420P &&
         (frame->format == AV_PIX_FMT_YUV420P || frame->format == AV_PIX_FMT_YUVJ420P);
}

Error CannotConvert(const AVFrame* frame) {
  const char* name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame->format));
  return {std::string("libswscale cannot convert the pixel format ") + (name == nullptr ? "" : name)};
}

Error JpegFailed(int av_error) { return {"The JPEG encoder failed: " + AvErrorText(av_error)}; }

}  // namespace

PictureSize UprightSize(const AVFrame* frame) {
  const bool transposed = OrientationOf(frame).transpose;
  return transposed ? PictureSize{frame->height, frame->width} : PictureSize{frame->width, frame->height};
}

PictureSize SizeOf(const OutputFormat& format, int frame_width, int frame_height) {
  double width = format.width;
  double height = format.height;
  if (format.width == 0 && format.height == 0) {
    width = frame_width;
    height = frame_height;
  } else if (format.height == 0) {
    if (!format.enlarge) width = std::min(format.width, frame_width);
    height = width * frame_height / frame_width;
  } else if (format.width == 0) {
    if (!format.enlarge) height = std::min(format.height, frame_height);
    width = height * frame_width / frame_height;
  } else if (!format.enlarge) {
    width = std::min(format.width, frame_width);
    height = std::min(format.height, frame_height);
  }
  const auto side = [](double value) { return static_cast<int>(std::lround(std::clamp<double>(value, 1, kMaxSide))); };
  PictureSize size{side(width), side(height)};
  if (format.format == kFormatI420) size = {Even(size.width), Even(size.height)};
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

bool PictureMaker::OpenScaler(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool jfif) {
  const AVPixelFormat source = WithoutRange(static_cast<AVPixelFormat>(frame->format));
  sws_.reset();
  if (!sws_isSupportedInput(source)) return false;
  sws_.reset(sws_alloc_context());
  if (!sws_) return false;
  const bool scaled = size.width != frame->width || size.height != frame->height;
  const bool from_full = FullRange(frame);
  const bool to_full = jfif || format == AV_PIX_FMT_GRAY8 || (format == AV_PIX_FMT_YUV420P && from_full);
  av_opt_set_int(sws_.get(), "srcw", frame->width, 0);
  av_opt_set_int(sws_.get(), "srch", frame->height, 0);
  av_opt_set_pixel_fmt(sws_.get(), "src_format", source, 0);
  av_opt_set_int(sws_.get(), "dstw", size.width, 0);
  av_opt_set_int(sws_.get(), "dsth", size.height, 0);
  av_opt_set_pixel_fmt(sws_.get(), "dst_format", format, 0);
  av_opt_set_int(sws_.get(), "sws_flags", scaled ? SWS_BILINEAR : SWS_BICUBIC, 0);
  // libswscale may choose a plain copy unless it knows the ranges before the context is opened.
  av_opt_set_int(sws_.get(), "src_range", from_full ? 1 : 0, 0);
  av_opt_set_int(sws_.get(), "dst_range", to_full ? 1 : 0, 0);
  if (sws_init_context(sws_.get(), nullptr, nullptr) < 0) {
    sws_.reset();
    return false;
  }
  // JFIF requires BT.601, and RGB has no matrix. A picture that stays YUV or becomes gray keeps its own matrix.
  const int* from = sws_getCoefficients(frame->colorspace);
  const bool keeps_matrix = !jfif && (format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_GRAY8);
  const int* to = keeps_matrix ? from : sws_getCoefficients(SWS_CS_DEFAULT);
  sws_setColorspaceDetails(sws_.get(), from, from_full ? 1 : 0, to, to_full ? 1 : 0, 0, 1 << 16, 1 << 16);
  return true;
}

bool PictureMaker::Scale(const AVFrame* frame, PictureSize size, AVPixelFormat format, bool jfif,
                         uint8_t* const planes[4], const int strides[4]) {
  const Shape shape{frame->width,       frame->height, frame->format, frame->colorspace,
                    frame->color_range, size.width,    size.height,   static_cast<int>(format)};
  if (!sws_ || !(shape == shape_)) {
    if (!OpenScaler(frame, size, format, jfif)) return false;
    shape_ = shape;
  }
  return sws_scale(sws_.get(), frame->data, frame->linesize, 0, frame->height, planes, strides) == size.height;
}

Result<size_t> PictureMaker::Make(const AVFrame* frame, const OutputFormat& format, PictureSize size, uint8_t* target,
                                  size_t room) {
  if (format.format == kFormatJpeg) return MakeJpeg(frame, size, format.quality, target, room);
  if (!MakeRaw(frame, format, size, target)) return CannotConvert(frame);
  return PictureRoom(format.format, size);
}

bool PictureMaker::MakeRaw(const AVFrame* frame, const OutputFormat& output, PictureSize size, uint8_t* target) {
  const AVPixelFormat format = PixelFormatOf(output.format);
  const Planes tight = PlanesOf(format, size, 1, target);
  const Orientation orientation = OrientationOf(frame);
  if (!orientation.upright()) return ScaleAndTurn(frame, orientation, size, format, false, tight.data, tight.strides);
  if (IsStoredAs(frame, format, size)) {
    CopyPlanes(tight, frame->data, frame->linesize, tight.data, tight.strides);
    return true;
  }
  if (CanOmitGaps(format, size.width)) return Scale(frame, size, format, false, tight.data, tight.strides);
  const Planes padded = PaddedPlanes(format, size);
  if (!Scale(frame, size, format, false, padded.data, padded.strides)) return false;
  CopyPlanes(tight, padded.data, padded.strides, tight.data, tight.strides);
  return true;
}

Planes PictureMaker::PaddedPlanes(AVPixelFormat format, PictureSize size) {
  padded_.resize(PlanesOf(format, size, kRowAlignment, nullptr).bytes + kRowAlignment);
  const size_t misaligned = reinterpret_cast<uintptr_t>(padded_.data()) % kRowAlignment;
  return PlanesOf(format, size, kRowAlignment, padded_.data() + (kRowAlignment - misaligned) % kRowAlignment);
}

bool PictureMaker::ScaleAndTurn(const AVFrame* frame, const Orientation& orientation, PictureSize size,
                                AVPixelFormat format, bool jfif, uint8_t* const planes[4], const int strides[4]) {
  const PictureSize stored = orientation.transpose ? PictureSize{size.height, size.width} : size;
  const Planes padded = PaddedPlanes(format, stored);
  if (!Scale(frame, stored, format, jfif, padded.data, padded.strides)) return false;
  const Planes turned = PlanesOf(format, size, 1, nullptr);
  for (int i = 0; i < turned.count; ++i) {
    CopyTurned(orientation, padded.data[i], padded.strides[i], planes[i], strides[i], turned.widths[i], turned.rows[i],
               turned.bytes_per_pixel);
  }
  return true;
}

int PictureMaker::OpenJpegEncoder(PictureSize size, int quality) {
  if (jpeg_ && jpeg_->width == size.width && jpeg_->height == size.height && jpeg_quality_ == quality) return 0;
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (codec == nullptr) return AVERROR_ENCODER_NOT_FOUND;
  jpeg_.reset(avcodec_alloc_context3(codec));
  jpeg_frame_.reset(av_frame_alloc());
  jpeg_packet_.reset(av_packet_alloc());
  if (!jpeg_ || !jpeg_frame_ || !jpeg_packet_) return AVERROR(ENOMEM);
  jpeg_->width = size.width;
  jpeg_->height = size.height;
  jpeg_->pix_fmt = AV_PIX_FMT_YUV420P;
  jpeg_->color_range = AVCOL_RANGE_JPEG;
  jpeg_->time_base = {1, 1000};
  jpeg_->thread_count = 1;
  jpeg_->qmin = jpeg_->qmax = QScale(quality);
  jpeg_frame_->width = size.width;
  jpeg_frame_->height = size.height;
  jpeg_frame_->format = AV_PIX_FMT_YUV420P;
  jpeg_frame_->color_range = AVCOL_RANGE_JPEG;
  jpeg_frame_->pts = 0;
  int result = avcodec_open2(jpeg_.get(), codec, nullptr);
  if (result >= 0) result = av_frame_get_buffer(jpeg_frame_.get(), 0);
  if (result < 0) jpeg_.reset();
  jpeg_quality_ = quality;
  return std::min(result, 0);
}

Result<size_t> PictureMaker::MakeJpeg(const AVFrame* frame, PictureSize size, int quality, uint8_t* target,
                                      size_t room) {
  int result = OpenJpegEncoder(size, quality);
  if (result >= 0) result = av_frame_make_writable(jpeg_frame_.get());
  if (result < 0) return JpegFailed(result);
  const Orientation orientation = OrientationOf(frame);
  const bool made =
      orientation.upright()
          ? Scale(frame, size, AV_PIX_FMT_YUV420P, true, jpeg_frame_->data, jpeg_frame_->linesize)
          : ScaleAndTurn(frame, orientation, size, AV_PIX_FMT_YUV420P, true, jpeg_frame_->data, jpeg_frame_->linesize);
  if (!made) return CannotConvert(frame);
  // The encoder refuses a frame whose pts is not greater than that of the previous one.
  ++jpeg_frame_->pts;
  jpeg_frame_->quality = jpeg_->qmin * FF_QP2LAMBDA;
  result = avcodec_send_frame(jpeg_.get(), jpeg_frame_.get());
  if (result >= 0) result = avcodec_receive_packet(jpeg_.get(), jpeg_packet_.get());
  if (result < 0) return JpegFailed(result);
  const auto bytes = static_cast<size_t>(jpeg_packet_->size);
  const bool fits = bytes <= room;
  if (fits) std::memcpy(target, jpeg_packet_->data, bytes);
  av_packet_unref(jpeg_packet_.get());
  if (!fits) {
    return Error{
        "The JPEG has " + std::to_string(bytes) + " bytes, and only " + std::to_string(room) + " are permitted.",
        ENOBUFS};
  }
  return bytes;
}

}  // namespace chrys
