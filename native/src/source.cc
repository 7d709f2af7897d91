#include "source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "audio_packets.h"

extern "C" {
#include <libavutil/dict.h>
#include <libavutil/mathematics.h>
}

namespace chrys {

namespace {

// A file whose packets are this late (the machine slept, the process was stopped) goes on from now instead of racing.
constexpr int64_t kMaxLagUs = 1'000'000;
constexpr double kFallbackFps = 25;
// Of sound between two video packets; some 10 s.
constexpr size_t kMostAudioPackets = 512;

class Dictionary {
 public:
  ~Dictionary() { av_dict_free(&dictionary_); }
  Dictionary() = default;
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  void Set(const char* key, const char* value) { av_dict_set(&dictionary_, key, value, 0); }
  AVDictionary** out() { return &dictionary_; }

 private:
  AVDictionary* dictionary_ = nullptr;
};

std::string Seconds(int64_t us) {
  const int64_t tenths = (us + 50'000) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

const AVCodecParameters* Source::parameters() const {
  return to_annexb_ ? to_annexb_->par_out : stream_->codecpar;
}

AVRational Source::time_base() const { return to_annexb_ ? to_annexb_->time_base_out : stream_->time_base; }

double Source::declared_fps() const {
  for (const AVRational rate : {stream_->avg_frame_rate, stream_->r_frame_rate}) {
    if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  }
  return 0;
}

std::optional<Failure> Source::Interrupted(const char* deadline_end, const std::string& deadline_message) const {
  if (interrupt_.stopped()) return Failure{end::kStopped, "told to stop"};
  if (interrupt_.expired()) return Failure{deadline_end, deadline_message, AVERROR(ETIMEDOUT)};
  return std::nullopt;
}

std::optional<Failure> Source::Open() {
  // Given up at the deadline, and not at libav's next look at the clock after it.
  interrupt_.SetDeadline(MonotonicUs() + std::max<int64_t>(0, options_.open_timeout_us - Interrupt::kGranularityUs));
  auto failure = options_.is_file ? OpenFile() : OpenRtsp();
  if (failure) {
    if (auto interrupted = Interrupted(end::kOpenTimeout, "no answer within " + Seconds(options_.open_timeout_us))) {
      return interrupted;
    }
    return failure;
  }
  last_packet_us_ = MonotonicUs();
  return std::nullopt;
}

std::optional<Failure> Source::OpenRtsp() {
  Dictionary settings;
  settings.Set("rtsp_transport", options_.transport.c_str());
  // Only what is wanted is asked for: what is not set up is neither sent nor parsed.
  settings.Set("allowed_media_types", options_.audio ? "video+audio" : "video");
  // Play only once it is known that there is a video stream, so that a session without one can be named.
  settings.Set("initial_pause", "1");
  AVFormatContext* raw = avformat_alloc_context();
  if (raw == nullptr) return FailureFromAv(AVERROR(ENOMEM), "opening the stream");
  raw->interrupt_callback = interrupt_.callback();
  // On failure libav frees the context and clears the pointer.
  int result = avformat_open_input(&raw, options_.url.c_str(), av_find_input_format("rtsp"), settings.out());
  format_.reset(raw);
  if (result < 0) return FailureFromAv(result, "opening the stream");
  if (auto failure = PickStreams()) return failure;
  const AVCodecID codec = stream_->codecpar->codec_id;
  if (codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC) {
    access_units_.emplace(codec == AV_CODEC_ID_H264 ? AccessUnits::Codec::kH264 : AccessUnits::Codec::kHevc);
    format_->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
  }
  result = av_read_play(format_.get());
  if (result < 0) return FailureFromAv(result, "starting the stream");
  return std::nullopt;
}

std::optional<Failure> Source::OpenFile() {
  Dictionary settings;
  // A playlist disguised as a video must not reach the network or other files.
  settings.Set("protocol_whitelist", "file");
  settings.Set("format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,h264,hevc,mjpeg,ivf,ogg");
  AVFormatContext* raw = avformat_alloc_context();
  if (raw == nullptr) return FailureFromAv(AVERROR(ENOMEM), "opening the file");
  raw->interrupt_callback = interrupt_.callback();
  int result = avformat_open_input(&raw, ("file:" + options_.url).c_str(), nullptr, settings.out());
  format_.reset(raw);
  if (result < 0) return FailureFromAv(result, "opening the file");
  result = avformat_find_stream_info(format_.get(), nullptr);
  if (result < 0) return FailureFromAv(result, "reading the file");
  if (auto failure = PickStreams()) return failure;

  const AVCodecParameters* codec = stream_->codecpar;
  const char* filter = codec->codec_id == AV_CODEC_ID_H264   ? "h264_mp4toannexb"
                       : codec->codec_id == AV_CODEC_ID_HEVC ? "hevc_mp4toannexb"
                                                             : nullptr;
  const bool length_prefixed = codec->extradata_size > 0 && codec->extradata[0] == 1;
  if (filter == nullptr || !length_prefixed) return std::nullopt;
  AVBSFContext* bsf = nullptr;
  result = av_bsf_alloc(av_bsf_get_by_name(filter), &bsf);
  to_annexb_.reset(bsf);
  if (result >= 0) result = avcodec_parameters_copy(bsf->par_in, codec);
  if (result >= 0) {
    bsf->time_base_in = stream_->time_base;
    result = av_bsf_init(bsf);
  }
  if (result < 0) return FailureFromAv(result, "preparing the file's video stream");
  return std::nullopt;
}

std::optional<Failure> Source::PickStreams() {
  const int index = av_find_best_stream(format_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (index < 0) {
    return Failure{end::kNoVideo, "there is no video stream (is it audio only?)", AVERROR_STREAM_NOT_FOUND};
  }
  stream_ = format_->streams[index];
  if (options_.audio) PickAudioStream();
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* stream = format_->streams[i];
    if (stream != stream_ && stream != audio_stream_) stream->discard = AVDISCARD_ALL;
  }
  return std::nullopt;
}

void Source::PickAudioStream() {
  const int index = av_find_best_stream(format_.get(), AVMEDIA_TYPE_AUDIO, -1, stream_->index, nullptr, 0);
  if (index < 0) return;
  const AVCodecParameters* parameters = format_->streams[index]->codecpar;
  const std::string name = avcodec_get_name(parameters->codec_id);
  audio_note_ = WhyAudioIsNotRecorded(name);
  const bool is_opus = parameters->codec_id == AV_CODEC_ID_OPUS;
  if (audio_note_.empty() && !is_opus && (parameters->extradata_size <= 0 || parameters->sample_rate <= 0)) {
    audio_note_ = "Audio is not recorded: its AAC configuration is missing.";
  }
  if (!audio_note_.empty()) return;
  audio_stream_ = format_->streams[index];
  audio_.codec_name = name;
  audio_.channels = std::max(1, parameters->ch_layout.nb_channels);
  audio_.sample_rate = is_opus ? kOpusRate : parameters->sample_rate;
  if (parameters->extradata_size > 0) {
    audio_.extradata.assign(parameters->extradata, parameters->extradata + parameters->extradata_size);
  }
  // What a file skips at its beginning must not be skipped in every segment.
  if (is_opus && audio_.channels <= 2) audio_.extradata = OpusHead(audio_.channels);
}

void Source::KeepAudio(const AVPacket* packet) {
  if (packet->pts == AV_NOPTS_VALUE || packet->size <= 0 || audio_packets_.size() >= kMostAudioPackets) return;
  const int64_t offset = av_rescale_q(loop_offset_, time_base(), audio_stream_->time_base);
  audio_packets_.push_back({{packet->data, packet->data + packet->size}, packet->pts + offset, audio_stream_->time_base});
}

int64_t Source::StallTimeoutUs() const { return std::max(options_.stall_timeout_us, 3 * usual_gap_us_); }

int Source::ReadAccessUnit(AVPacket* packet) {
  AccessUnit unit;
  while (!access_units_->Take(&unit)) {
    av_packet_unref(packet);
    const int result = av_read_frame(format_.get(), packet);
    if (result < 0) return result;
    if (audio_stream_ != nullptr && packet->stream_index == audio_stream_->index) KeepAudio(packet);
    if (packet->stream_index != stream_->index) continue;
    NoteSenderTime(packet);
    const int64_t pts = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    access_units_->Push(packet->data, static_cast<size_t>(packet->size), pts, (packet->flags & AV_PKT_FLAG_CORRUPT) != 0);
  }
  av_packet_unref(packet);
  const int result = av_new_packet(packet, static_cast<int>(unit.data.size()));
  if (result < 0) return result;
  std::memcpy(packet->data, unit.data.data(), unit.data.size());
  packet->pts = unit.pts;
  packet->stream_index = stream_->index;
  if (unit.damaged) packet->flags |= AV_PKT_FLAG_CORRUPT;
  return 0;
}

int Source::ReadRaw(AVPacket* packet) {
  for (;;) {
    if (to_annexb_) {
      const int filtered = av_bsf_receive_packet(to_annexb_.get(), packet);
      if (filtered != AVERROR(EAGAIN)) return filtered;
    }
    av_packet_unref(packet);
    const int result = av_read_frame(format_.get(), packet);
    if (result < 0) return result;
    if (audio_stream_ != nullptr && packet->stream_index == audio_stream_->index) KeepAudio(packet);
    if (packet->stream_index != stream_->index || packet->size == 0) continue;
    NoteSenderTime(packet);
    if (!to_annexb_) return 0;
    const int sent = av_bsf_send_packet(to_annexb_.get(), packet);
    if (sent < 0) return sent;
  }
}

// libav works it out from the last sender report for each packet that it receives.
void Source::NoteSenderTime(const AVPacket* packet) {
  if (packet->pts == AV_NOPTS_VALUE) return;
  size_t size = 0;
  const uint8_t* data = av_packet_get_side_data(packet, AV_PKT_DATA_PRFT, &size);
  if (data == nullptr || size < sizeof(AVProducerReferenceTime)) return;
  AVProducerReferenceTime time;
  std::memcpy(&time, data, sizeof time);
  sender_us_ = time.wallclock;
  sender_pts_ = packet->pts;
}

int64_t Source::SenderUs(int64_t pts) const {
  if (sender_us_ == 0) return 0;
  return sender_us_ + av_rescale_q(pts - sender_pts_, time_base(), AVRational{1, 1'000'000});
}

int64_t Source::UsualDuration() const {
  if (last_duration_ > 0) return last_duration_;
  const double fps = declared_fps() > 0 ? declared_fps() : kFallbackFps;
  return std::max<int64_t>(1, static_cast<int64_t>(1 / (fps * av_q2d(time_base())) + 0.5));
}

void Source::FillTimestamps(AVPacket* packet) {
  if (packet->pts == AV_NOPTS_VALUE) packet->pts = packet->dts;
  if (packet->pts == AV_NOPTS_VALUE) packet->pts = max_pts_ == INT64_MIN ? 0 : max_pts_ + UsualDuration();
  if (packet->duration > 0) last_duration_ = packet->duration;
  if (max_pts_ != INT64_MIN && packet->pts < max_pts_) {
    // B-frames: within a group, not a camera that set its clock back.
    const int64_t back = max_pts_ - packet->pts;
    if (back < 16 * UsualDuration()) reorder_ticks_ = std::max(reorder_ticks_, back);
  }
  max_pts_ = std::max(max_pts_, packet->pts);
  if (packet->dts == AV_NOPTS_VALUE) {
    // RTSP has no decoding times. Without reordering dts is pts; with it, dts lags by what was seen and never falls.
    packet->dts = packet->pts;
    if (reorder_ticks_ > 0) {
      packet->dts = std::min(packet->pts, std::max(max_pts_ - reorder_ticks_, last_dts_ == INT64_MIN ? INT64_MIN : last_dts_ + 1));
    }
  }
  last_dts_ = packet->dts;
}

std::optional<Failure> Source::Read(AVPacket* packet) {
  if (options_.is_file) return ReadFile(packet);
  interrupt_.SetDeadline(last_packet_us_ + StallTimeoutUs());
  const int result = access_units_ ? ReadAccessUnit(packet) : ReadRaw(packet);
  if (auto interrupted = Interrupted(end::kStalled, "no video packet for " + Seconds(StallTimeoutUs()))) {
    if (result < 0 || interrupted->end == end::kStopped) return interrupted;
  }
  if (result == AVERROR_EOF) return Failure{end::kConnectionLost, "the camera ended the stream", result};
  if (result < 0) {
    Failure failure = FailureFromAv(result, "reading the stream");
    // Whatever went wrong on an open stream, its connection is gone.
    if (failure.end == end::kIoError || failure.end == end::kOpenTimeout) failure.end = end::kConnectionLost;
    return failure;
  }
  const int64_t now_us = MonotonicUs();
  const int64_t gap_us = now_us - last_packet_us_;
  usual_gap_us_ = usual_gap_us_ == 0 ? gap_us : usual_gap_us_ + (gap_us - usual_gap_us_) / 8;
  last_packet_us_ = now_us;
  FillTimestamps(packet);
  return std::nullopt;
}

std::optional<Failure> Source::Rewind() {
  if (!packets_since_rewind_) return Failure{end::kNoVideo, "the file holds no video packet"};
  const int64_t start = format_->start_time == AV_NOPTS_VALUE ? 0 : format_->start_time;
  const int result = avformat_seek_file(format_.get(), -1, INT64_MIN, start, INT64_MAX, 0);
  if (result < 0) return FailureFromAv(result, "rewinding the file");
  if (to_annexb_) av_bsf_flush(to_annexb_.get());
  loop_offset_ += last_dts_ + UsualDuration() - loop_offset_ - loop_first_dts_;
  packets_since_rewind_ = false;
  return std::nullopt;
}

std::optional<Failure> Source::ReadFile(AVPacket* packet) {
  interrupt_.SetDeadline(MonotonicUs() + options_.stall_timeout_us);
  int result = ReadRaw(packet);
  if (result == AVERROR_EOF) {
    if (auto failure = Rewind()) return failure;
    result = ReadRaw(packet);
  }
  if (auto interrupted = Interrupted(end::kStalled, "the file could not be read in time")) return interrupted;
  if (result < 0) return FailureFromAv(result, "reading the file");
  packets_since_rewind_ = true;

  if (packet->dts != AV_NOPTS_VALUE) packet->dts += loop_offset_;
  if (packet->pts != AV_NOPTS_VALUE) packet->pts += loop_offset_;
  FillTimestamps(packet);
  if (loop_first_dts_ == INT64_MIN) loop_first_dts_ = packet->dts;

  const int64_t now_us = MonotonicUs();
  const int64_t since_anchor_us =
      anchor_dts_ == INT64_MIN ? 0 : av_rescale_q(packet->dts - anchor_dts_, time_base(), AVRational{1, 1'000'000});
  int64_t due_us = anchor_us_ + since_anchor_us;
  if (anchor_dts_ == INT64_MIN || now_us - due_us > kMaxLagUs) {
    anchor_us_ = due_us = now_us;
    anchor_dts_ = packet->dts;
  }
  if (!interrupt_.SleepUntil(due_us)) return Failure{end::kStopped, "told to stop"};
  return std::nullopt;
}

}  // namespace chrys
