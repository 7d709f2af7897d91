#include "relay/relay.h"

#include <algorithm>
#include <cerrno>

#include "base/atomics.h"
#include "base/failure.h"
#include "codec/parameters.h"
#include "frames/decoder.h"

namespace chrys {

namespace {

// Limits of one Send: packets, and microseconds.
constexpr int kPacketsAtOnce = 100;
constexpr int64_t kMaxTurnUs = 500'000;
// Send buffer of the socket. The kernel's default is megabytes: many seconds of video would count as sent although the
// server has not read them.
constexpr const char* kSendBufferBytes = "262144";
constexpr int kMaxReorder = 16;
// FLV times have 31 bits of milliseconds, and then jump back. A new connection begins at 0 before that.
constexpr int64_t kMaxTimeUs = int64_t{24} * 86'400'000'000;
constexpr AVRational kMicroseconds{1, 1'000'000};

// Number of frames by which the stream reorders, as far as its headers declare it.
int DeclaredReorder(const AVCodecParameters* parameters) {
  const AVCodec* codec = avcodec_find_decoder(parameters->codec_id);
  const AvPtr<AVCodecContext> context(codec == nullptr ? nullptr : avcodec_alloc_context3(codec));
  if (!context || avcodec_parameters_to_context(context.get(), parameters) < 0) return 0;
  context->thread_count = 1;
  return avcodec_open2(context.get(), codec, nullptr) < 0 ? 0 : std::clamp(context->has_b_frames, 0, kMaxReorder);
}

}  // namespace

Relay::Relay(const RelayOptions& options) : options_(options), sequence_(options.first_sequence) {
  patience_.cancel = options_.cancel;
}

Relay::~Relay() { Close(); }

AVIOInterruptCB Relay::callback() {
  return {[](void* patience) -> int { return static_cast<const Patience*>(patience)->over() ? 1 : 0; }, &patience_};
}

std::optional<Error> Relay::Open() {
  if (auto failure = FindParameters()) return failure;
  AVFormatContext* raw = nullptr;
  int result = avformat_alloc_output_context2(&raw, nullptr, "flv", nullptr);
  if (result < 0) return Failed(result, "Making an FLV stream", 0);
  format_.reset(raw);
  format_->interrupt_callback = callback();
  patience_.deadline_us = MonotonicUs() + options_.open_timeout_us;
  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "send_buffer_size", kSendBufferBytes, 0);
  // For rtmps: by default, libav does not verify the certificate.
  av_dict_set(&settings, "tls_verify", "1", 0);
  result = avio_open2(&format_->pb, options_.url.c_str(), AVIO_FLAG_WRITE, &format_->interrupt_callback, &settings);
  av_dict_free(&settings);
  if (result < 0) return Failed(result, "Connecting", options_.open_timeout_us);
  return WriteHeader();
}

std::optional<Error> Relay::FindParameters() {
  const SegmentStream& stream = options_.stream;
  const PacketRingView& ring = options_.rings.video;
  auto parameters = MakeVideoParameters(stream.codec_name, stream.width, stream.height, {});
  if (!parameters) return parameters.error();
  parameters_ = std::move(*parameters);
  const auto info = ReadPacket(ring, sequence_, &payload_, AV_INPUT_BUFFER_PADDING_SIZE);
  if (!info) return Error{"The GOP to begin with has already left the packet ring."};
  BorrowedPacket keyframe;
  parameter_sets_ = ParameterSetsIn(parameters_.get(), keyframe.Over(payload_, *info));
  const std::vector<uint8_t>& extradata = parameter_sets_.empty() ? stream.extradata : parameter_sets_;
  if (extradata.empty()) return Error{"The camera has sent no parameter sets (SPS, PPS) yet."};
  if (!SetExtradata(parameters_.get(), extradata)) return OutOfMemory();
  const int reorder = std::max(DeclaredReorder(parameters_.get()), ReorderOf(ring, info->connection));
  clock_ = std::make_unique<RelayClock>(reorder, FrameUsOf(ring, info->connection));
  return std::nullopt;
}

std::optional<Error> Relay::WriteHeader() {
  AVStream* video = avformat_new_stream(format_.get(), nullptr);
  int result = video == nullptr ? AVERROR(ENOMEM) : avcodec_parameters_copy(video->codecpar, parameters_.get());
  if (result >= 0 && options_.stream.audio && options_.rings.audio.base != nullptr) {
    const AudioStream& audio = *options_.stream.audio;
    AVStream* track = avformat_new_stream(format_.get(), nullptr);
    if (track == nullptr || !SetExtradata(track->codecpar, audio.extradata)) {
      result = AVERROR(ENOMEM);
    } else {
      SetAudioParameters(track->codecpar, audio);
    }
    audio_sequence_ = options_.rings.audio.first_sequence();
  }
  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "flvflags", "no_duration_filesize", 0);
  if (result >= 0) result = avformat_write_header(format_.get(), &settings);
  av_dict_free(&settings);
  if (result >= 0) {
    avio_flush(format_->pb);
    result = format_->pb->error;
  }
  if (result < 0) return Failed(result, "Sending the FLV header", options_.open_timeout_us);
  is_healthy_ = true;
  return std::nullopt;
}

bool Relay::Skip(const PacketInfo* packet, RelayStep* step) {
  const PacketRingHeader& header = options_.rings.video.header();
  const int64_t newest_keyframe = LoadRelaxed(header.lastKeyframeSequence);
  int64_t next = sequence_;
  if (packet == nullptr) {
    next = std::max({sequence_ + 1, header.firstSequence.load(std::memory_order_acquire), newest_keyframe});
  } else if (newest_keyframe > sequence_ && WallUs() - packet->arrival_us > options_.max_lag_us) {
    next = newest_keyframe;
  } else if (begins_ && !packet->is_keyframe) {
    next = sequence_ + 1;
  }
  if (next == sequence_) return false;
  step->lost += next - sequence_;
  sequence_ = next;
  begins_ = true;
  return true;
}

bool Relay::NeedsOtherHeader(const PacketInfo& keyframe) {
  BorrowedPacket borrowed;
  const auto sets = ParameterSetsIn(parameters_.get(), borrowed.Over(payload_, keyframe));
  return !sets.empty() && !parameter_sets_.empty() && sets != parameter_sets_;
}

Result<RelayStep> Relay::Send(int32_t connection) {
  if (!is_healthy_) return Error{"The connection to the server is not open."};
  const PacketRingView& ring = options_.rings.video;
  RelayStep step;
  step.kind = RelayStep::kMore;
  const int64_t turn_us = MonotonicUs() + kMaxTurnUs;
  for (int sent = 0; sent < kPacketsAtOnce && MonotonicUs() < turn_us; ++sent) {
    if (sequence_ >= ring.next_sequence()) {
      step.kind = RelayStep::kIdle;
      break;
    }
    const auto info = ReadPacket(ring, sequence_, &payload_, AV_INPUT_BUFFER_PADDING_SIZE);
    if (Skip(info ? &*info : nullptr, &step)) continue;
    if (info->connection != connection) {
      step.kind = RelayStep::kOtherConnection;
      break;
    }
    if (info->is_keyframe) {
      if (NeedsOtherHeader(*info) || clock_->latest_us() > kMaxTimeUs) {
        step.kind = RelayStep::kOtherParameters;
        break;
      }
      leading_before_ = begins_ ? info->pts : INT64_MIN;
      begins_ = false;
    }
    if (info->pts >= leading_before_) {
      const int result = WriteVideo(*info, &step);
      if (result < 0) {
        is_healthy_ = false;
        return Failed(result, "Sending", options_.stall_timeout_us);
      }
    }
    ++sequence_;
  }
  step.next_sequence = sequence_;
  return step;
}

int Relay::WriteVideo(const PacketInfo& packet, RelayStep* step) {
  patience_.deadline_us = MonotonicUs() + options_.stall_timeout_us;
  const RelayTimes times = clock_->Add(packet);
  int result = WriteAudio(times.dts, step);
  if (result < 0) return result;
  packet_->stream_index = 0;
  packet_->data = payload_.data();
  packet_->size = packet.size;
  packet_->pts = times.pts;
  packet_->dts = times.dts;
  packet_->flags = packet.is_keyframe ? AV_PKT_FLAG_KEY : 0;
  av_packet_rescale_ts(packet_.get(), kMicroseconds, format_->streams[0]->time_base);
  result = av_write_frame(format_.get(), packet_.get());
  if (result < 0) return result;
  avio_flush(format_->pb);
  if (format_->pb->error < 0) return format_->pb->error;
  step->packets += 1;
  step->bytes += packet.size;
  return 0;
}

int Relay::WriteAudio(int64_t until_us, RelayStep* step) {
  if (format_->nb_streams < 2) return 0;
  const PacketRingView& ring = options_.rings.audio;
  const int64_t end = ring.next_sequence();
  for (; audio_sequence_ < end; ++audio_sequence_) {
    const auto info = ReadPacket(ring, audio_sequence_, &audio_payload_, AV_INPUT_BUFFER_PADDING_SIZE);
    if (!info || info->connection < clock_->connection()) continue;
    if (info->connection > clock_->connection()) break;
    const int64_t time_us = clock_->AudioTime(info->pts, info->time_base_num, info->time_base_den);
    if (time_us > until_us) break;
    if (time_us <= last_audio_us_) continue;
    last_audio_us_ = time_us;
    packet_->stream_index = 1;
    packet_->data = audio_payload_.data();
    packet_->size = info->size;
    packet_->pts = packet_->dts = time_us;
    packet_->flags = AV_PKT_FLAG_KEY;
    av_packet_rescale_ts(packet_.get(), kMicroseconds, format_->streams[1]->time_base);
    const int result = av_write_frame(format_.get(), packet_.get());
    if (result < 0) return result;
    step->bytes += info->size;
  }
  return 0;
}

void Relay::Close() {
  if (!format_) return;
  if (format_->pb != nullptr) {
    patience_.cancel = nullptr;
    patience_.deadline_us = MonotonicUs() + (is_healthy_ ? kGoodbyeUs : 0);
    if (is_healthy_) av_write_trailer(format_.get());
    avio_closep(&format_->pb);
  }
  is_healthy_ = false;
  format_.reset();
}

Error Relay::Failed(int av_error, const char* doing, int64_t timeout_us) {
  if (LoadRelaxed(*options_.cancel) != 0) return {"The relay was stopped.", ECANCELED};
  const bool late = timeout_us > 0 && (av_error == AVERROR_EXIT || av_error == AVERROR(ETIMEDOUT));
  std::string message = std::string(doing) + " failed: ";
  message +=
      late ? "the server took nothing for " + std::to_string(timeout_us / 1'000'000) + " s" : AvErrorText(av_error);
  for (const LogLine& line : log_.Take()) message += " (" + line.text + ")";
  return {message};
}

}  // namespace chrys
