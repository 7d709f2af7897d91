#include "frames/decoder.h"

#include <cerrno>

#include "codec/parameters.h"

namespace chrys {

namespace {

// Codecs code whole blocks and libav aligns rows, so a frame of the permitted size needs a little more.
int64_t WithAlignment(int64_t max_pixels) { return max_pixels + max_pixels / 4 + 65'536; }

// The side that counts for the pixel limit: the coded side if it exceeds the shown side by more than a block, because
// memory is allocated for it.
int AllocatedSide(int coded, int shown) {
  constexpr int kBlock = 64;
  return coded > (shown + kBlock - 1) / kBlock * kBlock ? coded : shown;
}

}  // namespace

std::optional<Failure> Decoder::Open(const AVCodecParameters* parameters, int threads, Threading threading,
                                     int64_t max_pixels) {
  if (auto failure = TooManyPixels(parameters->width, parameters->height, max_pixels)) return failure;
  const AVCodec* codec = avcodec_find_decoder(parameters->codec_id);
  if (codec == nullptr) {
    return Failure{end::kUnsupportedCodec,
                   std::string("libav has no decoder for ") + avcodec_get_name(parameters->codec_id),
                   AVERROR_DECODER_NOT_FOUND};
  }
  context_.reset(avcodec_alloc_context3(codec));
  if (!context_) return FailureFromAv(AVERROR(ENOMEM), "opening the decoder");
  int result = avcodec_parameters_to_context(context_.get(), parameters);
  if (result >= 0) {
    context_->thread_count = threads;
    context_->thread_type = threading == Threading::kFrames ? FF_THREAD_FRAME : FF_THREAD_SLICE;
    // Damaged frames are delivered with a flag, and each caller decides about them.
    context_->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    max_pixels_ = WithAlignment(max_pixels);
    context_->max_pixels = max_pixels_;
    context_->opaque = this;
    context_->get_buffer2 = GetBuffer;
    result = avcodec_open2(context_.get(), codec, nullptr);
  }
  if (result < 0) {
    Failure failure = FailureFromAv(result, "opening the decoder");
    failure.end = end::kUnsupportedCodec;
    return failure;
  }
  return std::nullopt;
}

// libav compares max_pixels with the shown size of a frame. Memory is allocated for the coded size, which is checked
// here.
int Decoder::GetBuffer(AVCodecContext* context, AVFrame* frame, int flags) {
  const auto* decoder = static_cast<const Decoder*>(context->opaque);
  if (static_cast<int64_t>(frame->width) * frame->height > decoder->max_pixels_) return AVERROR(EINVAL);
  return avcodec_default_get_buffer2(context, frame, flags);
}

bool Decoder::Send(const AVPacket* packet, const PacketInfo& info) {
  infos_[static_cast<size_t>(info.sequence) % kInfos] = info;
  context_->reordered_opaque = info.sequence;
  return avcodec_send_packet(context_.get(), packet) >= 0;
}

const AVFrame* Decoder::Receive() {
  return avcodec_receive_frame(context_.get(), frame_.get()) >= 0 ? frame_.get() : nullptr;
}

const PacketInfo& Decoder::InfoOf(const AVFrame* frame) const {
  return infos_[static_cast<size_t>(frame->reordered_opaque) % kInfos];
}

void Decoder::Drain() { avcodec_send_packet(context_.get(), nullptr); }

void Decoder::SkipNonReference(bool skip) { context_->skip_frame = skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT; }

void Decoder::Reset() { avcodec_flush_buffers(context_.get()); }

const AVPacket* BorrowedPacket::Over(std::vector<uint8_t>& payload, const PacketInfo& info) {
  packet->data = payload.data();
  packet->size = info.size;
  packet->pts = info.pts;
  packet->dts = info.dts;
  packet->flags = (info.is_keyframe ? AV_PKT_FLAG_KEY : 0) | (info.is_hidden ? AV_PKT_FLAG_DISCARD : 0);
  return packet.get();
}

char TypeLetter(const AVFrame* frame) {
  switch (frame->pict_type) {
    case AV_PICTURE_TYPE_I:
      return 'I';
    case AV_PICTURE_TYPE_B:
      return 'B';
    default:
      return 'P';
  }
}

bool IsCorrupt(const AVFrame* frame) {
  return (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
}

void ParameterReader::Open(const AVCodecParameters* parameters) {
  width = parameters->width;
  height = parameters->height;
  format = parameters->format;
  profile = parameters->profile;
  jpeg_ = parameters->codec_id == AV_CODEC_ID_MJPEG;
  if (jpeg_) return;
  parser_.reset(av_parser_init(parameters->codec_id));
  if (!parser_) return;
  parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
  context_.reset(avcodec_alloc_context3(nullptr));
  if (!context_ || avcodec_parameters_to_context(context_.get(), parameters) < 0) {
    parser_.reset();
    return;
  }
  if (parameters->extradata_size > 0) {
    // The parser allocates its memory here, while no packet waits, and not with the first picture.
    uint8_t* out = nullptr;
    int out_size = 0;
    av_parser_parse2(parser_.get(), context_.get(), &out, &out_size, parameters->extradata, parameters->extradata_size,
                     AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
  }
}

ParameterReader::Answer ParameterReader::Read(const AVPacket* packet) {
  Answer answer;
  answer.is_keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  if (jpeg_) return ReadJpeg(packet);
  if (!parser_) return answer;
  uint8_t* out = nullptr;
  int out_size = 0;
  av_parser_parse2(parser_.get(), context_.get(), &out, &out_size, packet->data, packet->size, packet->pts, packet->dts,
                   0);
  if (parser_->key_frame == 1) answer.is_keyframe = true;
  if (parser_->width <= 0 || parser_->height <= 0) return answer;
  answer.changed =
      parser_->width != width || parser_->height != height || (parser_->format >= 0 && parser_->format != format);
  width = parser_->width;
  height = parser_->height;
  if (parser_->format >= 0) format = parser_->format;
  profile = context_->profile;
  answer.coded_width = AllocatedSide(parser_->coded_width, width);
  answer.coded_height = AllocatedSide(parser_->coded_height, height);
  return answer;
}

ParameterReader::Answer ParameterReader::ReadJpeg(const AVPacket* packet) {
  Answer answer;
  answer.is_keyframe = true;
  if (!JpegSize(packet->data, static_cast<size_t>(packet->size), &answer.coded_width, &answer.coded_height))
    return answer;
  answer.changed = answer.coded_width != width || answer.coded_height != height;
  width = answer.coded_width;
  height = answer.coded_height;
  return answer;
}

}  // namespace chrys
