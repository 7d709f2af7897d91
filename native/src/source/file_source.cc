#include "source/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "codec/audio_packets.h"
#include "frames/orientation.h"

extern "C" {
#include <libavutil/dict.h>
#include <libavutil/mathematics.h>
}

namespace chrys {

namespace {

// When packets are later than this (the machine slept), the file continues from now instead of catching up.
constexpr int64_t kMaxLagUs = 1'000'000;
// A file that is deleted or replaced while it is played is noticed within this time.
constexpr int64_t kLookEveryUs = 2'000'000;
constexpr double kFallbackFps = 25;
// Maximum number of audio packets between two video packets, about 10 s; more are dropped.
constexpr size_t kMaxAudioPackets = 512;
// Times of a file beyond this (142 years) are invalid and count as missing.
constexpr int64_t kMaxTimeUs = int64_t{1} << 52;
// ReadRaw's result when the first packet after a seek is not the first packet of the file.
constexpr int kNotTheBegin = AVERROR(ESPIPE);
constexpr AVRational kMicroseconds{1, 1'000'000};
// The permitted formats. None of them can name other files or reach the network.
constexpr const char* kFormats = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,h264,hevc,mjpeg,ivf,ogg";

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

std::optional<int64_t> ToUs(int64_t time, AVRational time_base) {
  if (time == AV_NOPTS_VALUE) return std::nullopt;
  const int64_t us = av_rescale_q(time, time_base, kMicroseconds);
  if (us < -kMaxTimeUs || us > kMaxTimeUs) return std::nullopt;
  return us;
}

}  // namespace

std::optional<Failure> FileSource::Unreadable(const std::string& why, int av_error) const {
  return Failure{end::kFileUnreadable, options_.path + " " + why, av_error};
}

std::optional<FileSource::Identity> FileSource::Identify() const {
  struct stat found = {};
  if (stat(options_.path.c_str(), &found) != 0) return std::nullopt;
  Identity identity;
  identity.device = found.st_dev;
  identity.inode = found.st_ino;
  identity.bytes = found.st_size;
  identity.modified_ns = found.st_mtim.tv_sec * int64_t{1'000'000'000} + found.st_mtim.tv_nsec;
  return identity;
}

const AVCodecParameters* FileSource::parameters() const { return to_annexb_ ? to_annexb_->par_out : stream_->codecpar; }

double FileSource::declared_fps() const {
  for (const AVRational rate : {stream_->avg_frame_rate, stream_->r_frame_rate}) {
    if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  }
  return 0;
}

std::optional<Failure> FileSource::Open() {
  struct stat found = {};
  if (stat(options_.path.c_str(), &found) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) {
      return Failure{end::kFileNotFound, "there is no file " + options_.path, AVERROR(error)};
    }
    return Unreadable("cannot be opened: " + AvErrorText(AVERROR(error)), AVERROR(error));
  }
  // Opening a FIFO would block for ever.
  if (!S_ISREG(found.st_mode)) return Unreadable("is not a regular file", 0);
  if (found.st_size == 0) return Unreadable("is empty", 0);
  opened_ = Identify().value_or(Identity{});
  interrupt_.SetDeadline(MonotonicUs() + options_.open_timeout_us);
  auto failure = OpenFormat();
  if (failure && interrupt_.stopped()) return Failure{end::kStopped, ""};
  if (failure && interrupt_.expired()) return Unreadable("could not be opened in time", AVERROR(ETIMEDOUT));
  look_at_us_ = MonotonicUs() + kLookEveryUs;
  return failure;
}

std::optional<Failure> FileSource::OpenFormat() {
  Dictionary settings;
  // A playlist disguised as a video must not reach the network or other files.
  settings.Set("protocol_whitelist", "file");
  settings.Set("format_whitelist", kFormats);
  AVFormatContext* raw = avformat_alloc_context();
  if (raw == nullptr) return FailureFromAv(AVERROR(ENOMEM), "opening the file");
  raw->interrupt_callback = interrupt_.callback();
  int result = avformat_open_input(&raw, ("file:" + options_.path).c_str(), nullptr, settings.out());
  format_.reset(raw);
  if (result == AVERROR(EACCES) || result == AVERROR(EPERM)) {
    return Unreadable("may not be read by this process: check its permissions", result);
  }
  if (result == AVERROR_INVALIDDATA) {
    return Unreadable("is no video file, or it is cut off and its index is missing", result);
  }
  // libav knows the format, but the list of permitted formats does not contain it.
  if (result == AVERROR(EINVAL)) return Unreadable("is in a format that is not played", result);
  if (result < 0) return Unreadable("cannot be opened: " + AvErrorText(result), result);

  // Checked before anything is decoded, so that no memory is allocated for the pictures.
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    const AVCodecParameters* codec = format_->streams[i]->codecpar;
    if (codec->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    if (auto failure = TooManyPixels(codec->width, codec->height, options_.max_pixels)) return failure;
  }
  const unsigned streams = format_->nb_streams;
  std::vector<AVDictionary*> probing(streams, nullptr);
  for (AVDictionary*& options : probing) av_dict_set_int(&options, "max_pixels", options_.max_pixels, 0);
  result = avformat_find_stream_info(format_.get(), probing.empty() ? nullptr : probing.data());
  for (AVDictionary*& options : probing) av_dict_free(&options);
  if (result < 0) return Unreadable("cannot be read: " + AvErrorText(result), result);
  if (auto failure = PickStreams()) return failure;
  const AVCodecParameters* codec = stream_->codecpar;
  if (auto failure = TooManyPixels(codec->width, codec->height, options_.max_pixels)) return failure;
  if (auto failure = CheckIndex()) return failure;
  NoteOrientation();
  return OpenFilter();
}

std::optional<Failure> FileSource::PickStreams() {
  stream_ = audio_stream_ = nullptr;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* stream = format_->streams[i];
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    // This track is the cover picture of a music or film file.
    if ((stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)) != 0) continue;
    const bool preferred = (stream->disposition & AV_DISPOSITION_DEFAULT) != 0;
    if (stream_ == nullptr || (preferred && (stream_->disposition & AV_DISPOSITION_DEFAULT) == 0)) stream_ = stream;
  }
  if (stream_ == nullptr) return Unreadable("has no video track", AVERROR_STREAM_NOT_FOUND);
  if (options_.audio) PickAudioStream();
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* stream = format_->streams[i];
    if (stream != stream_ && stream != audio_stream_) stream->discard = AVDISCARD_ALL;
  }
  return std::nullopt;
}

// Refuses a file whose index refers to bytes beyond the file's end.
std::optional<Failure> FileSource::CheckIndex() const {
  int64_t needed = 0;
  const int entries = avformat_index_get_entries_count(stream_);
  for (int i = 0; i < entries; ++i) {
    const AVIndexEntry* entry = avformat_index_get_entry(stream_, i);
    needed = std::max(needed, entry->pos + entry->size);
  }
  const int64_t bytes = avio_size(format_->pb);
  if (bytes <= 0 || needed <= bytes) return std::nullopt;
  return Unreadable(
      "is cut off: it has " + std::to_string(bytes) + " bytes, and its index names " + std::to_string(needed),
      AVERROR_INVALIDDATA);
}

void FileSource::PickAudioStream() {
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
  // The pre-skip of the file must not be skipped in every segment.
  if (is_opus && audio_.channels <= 2) audio_.extradata = OpusHead(audio_.channels);
}

std::optional<Failure> FileSource::OpenFilter() {
  to_annexb_.reset();
  const AVCodecParameters* codec = stream_->codecpar;
  const char* filter = codec->codec_id == AV_CODEC_ID_H264   ? "h264_mp4toannexb"
                       : codec->codec_id == AV_CODEC_ID_HEVC ? "hevc_mp4toannexb"
                                                             : nullptr;
  const bool length_prefixed = codec->extradata_size > 0 && codec->extradata[0] == 1;
  if (filter == nullptr || !length_prefixed) return std::nullopt;
  AVBSFContext* bsf = nullptr;
  int result = av_bsf_alloc(av_bsf_get_by_name(filter), &bsf);
  to_annexb_.reset(bsf);
  if (result >= 0) result = avcodec_parameters_copy(bsf->par_in, codec);
  if (result >= 0) {
    bsf->time_base_in = stream_->time_base;
    result = av_bsf_init(bsf);
  }
  if (result < 0) return Unreadable("has a video track that cannot be read: " + AvErrorText(result), result);
  return std::nullopt;
}

void FileSource::NoteOrientation() {
  orientation_sei_.clear();
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
  const AVCodecParameters* codec = stream_->codecpar;
  const AVPacketSideData* data =
      av_packet_side_data_get(codec->coded_side_data, codec->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  const uint8_t* bytes = data == nullptr ? nullptr : data->data;
  const size_t size = data == nullptr ? 0 : data->size;
#else
  size_t size = 0;
  const uint8_t* bytes = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, &size);
#endif
  int32_t matrix[9];
  if (bytes == nullptr || size < sizeof matrix) return;
  std::memcpy(matrix, bytes, sizeof matrix);
  orientation_sei_ = OrientationSei(stream_->codecpar->codec_id, matrix);
}

std::optional<Failure> FileSource::CheckFile(bool at_end) {
  const auto changed = [&](const char* how) { return Failure{end::kFileChanged, options_.path + " " + how}; };
  const auto now = Identify();
  if (!now) return changed("was deleted");
  if (now->device != opened_.device || now->inode != opened_.inode) return changed("was replaced by another file");
  if (now->bytes < opened_.bytes) return changed("was cut off");
  // A file that is still being written is played to its current end, and then opened again.
  const bool same = now->bytes == opened_.bytes && now->modified_ns == opened_.modified_ns;
  if (at_end && !same) return changed("was written to");
  return std::nullopt;
}

std::optional<Failure> FileSource::BeginLoop() {
  if (auto failure = CheckFile(true)) return failure;
  // A loop without a picture has no duration, so the file would be read in a busy loop.
  if (!times_.offset()) return Unreadable("shows no picture: it may be cut off", 0);
  times_.BeginLoop();
  early_audio_.clear();
  last_dts_us_.reset();
  max_pts_us_.reset();
  if (seeks_to_begin_) {
    const int64_t start = format_->start_time == AV_NOPTS_VALUE ? 0 : format_->start_time;
    // Seeks to the start or before it, never to a later keyframe. The start may be below 0.
    seeks_to_begin_ = avformat_seek_file(format_.get(), -1, INT64_MIN, start, start, 0) >= 0;
    if (to_annexb_) av_bsf_flush(to_annexb_.get());
    expects_first_ = true;
  }
  return seeks_to_begin_ ? std::nullopt : Reopen();
}

std::optional<Failure> FileSource::Reopen() {
  expects_first_ = true;
  interrupt_.SetDeadline(MonotonicUs() + options_.open_timeout_us);
  auto failure = OpenFormat();
  interrupt_.SetDeadline(INT64_MAX);
  return failure;
}

// False: the seek led to another packet, which happens if the file's first packets have no times.
bool FileSource::IsExpected(const AVPacket* packet) {
  if (!expects_first_) return true;
  expects_first_ = false;
  const int64_t place = packet->pos >= 0 ? packet->pos : packet->pts;
  if (!first_place_) first_place_ = place;
  return *first_place_ == place;
}

int FileSource::ReadRaw(AVPacket* packet) {
  for (;;) {
    if (to_annexb_) {
      const int received = av_bsf_receive_packet(to_annexb_.get(), packet);
      if (received != AVERROR(EAGAIN)) return received;
    }
    av_packet_unref(packet);
    const int result = av_read_frame(format_.get(), packet);
    if (result < 0) return result;
    if (audio_stream_ != nullptr && packet->stream_index == audio_stream_->index) KeepAudio(packet);
    if (packet->stream_index != stream_->index || packet->size == 0) continue;
    if (!IsExpected(packet)) return kNotTheBegin;
    if (!to_annexb_) return 0;
    const int sent = av_bsf_send_packet(to_annexb_.get(), packet);
    if (sent < 0) return sent;
  }
}

void FileSource::KeepAudio(const AVPacket* packet) {
  const auto pts_us = ToUs(packet->pts, audio_stream_->time_base);
  const bool hidden = (packet->flags & AV_PKT_FLAG_DISCARD) != 0;
  if (!pts_us || hidden || packet->size <= 0) return;
  if (audio_packets_.size() + early_audio_.size() >= kMaxAudioPackets) return;
  AudioPacket kept{{packet->data, packet->data + packet->size}, *pts_us, kMicroseconds};
  if (const auto offset = times_.offset()) {
    kept.pts += *offset;
    audio_packets_.push_back(std::move(kept));
  } else {
    early_audio_.push_back(std::move(kept));
  }
}

int64_t FileSource::UsualDurationUs() const {
  if (last_duration_us_ > 0) return last_duration_us_;
  const double fps = declared_fps() > 0 ? declared_fps() : kFallbackFps;
  return std::max<int64_t>(1, std::llround(1e6 / fps));
}

void FileSource::SetTimes(AVPacket* packet) {
  const AVRational time_base = to_annexb_ ? to_annexb_->time_base_out : stream_->time_base;
  auto pts = ToUs(packet->pts, time_base);
  auto dts = ToUs(packet->dts, time_base);
  if (!pts) pts = dts;
  if (!pts) pts = max_pts_us_ ? *max_pts_us_ + UsualDurationUs() : 0;
  const auto duration = packet->duration > 0 ? ToUs(packet->duration, time_base) : std::nullopt;
  if (duration) last_duration_us_ = *duration;
  // The pts of a B-frame is a few pictures behind the greatest pts.
  const int64_t back = max_pts_us_ ? *max_pts_us_ - *pts : 0;
  if (back > 0 && back < 16 * UsualDurationUs()) reorder_us_ = std::max(reorder_us_, back);
  max_pts_us_ = std::max(max_pts_us_.value_or(*pts), *pts);
  if (!dts) {
    dts = *pts;
    if (reorder_us_ > 0) {
      const int64_t lagging = *max_pts_us_ - reorder_us_;
      dts = std::min(*pts, last_dts_us_ ? std::max(lagging, *last_dts_us_ + 1) : lagging);
    }
  }
  last_dts_us_ = dts;
  const bool hidden = (packet->flags & AV_PKT_FLAG_DISCARD) != 0;
  const LoopTimes::Times times = times_.Add(*pts, *dts, UsualDurationUs(), hidden);
  packet->pts = times.pts;
  packet->dts = times.dts;
  packet->duration = duration.value_or(0);
  if (!times_.offset()) return;
  for (AudioPacket& audio : std::exchange(early_audio_, {})) {
    audio.pts += *times_.offset();
    audio_packets_.push_back(std::move(audio));
  }
}

int FileSource::Turn(AVPacket* packet) const {
  if (orientation_sei_.empty()) return 0;
  const auto bytes = static_cast<size_t>(packet->size);
  const size_t slice = FirstSlice(stream_->codecpar->codec_id, packet->data, bytes);
  if (slice == bytes) return 0;
  const AvPtr<AVPacket> turned(av_packet_alloc());
  if (!turned) return AVERROR(ENOMEM);
  int result = av_new_packet(turned.get(), packet->size + static_cast<int>(orientation_sei_.size()));
  if (result >= 0) result = av_packet_copy_props(turned.get(), packet);
  if (result < 0) return result;
  uint8_t* to = std::copy(packet->data, packet->data + slice, turned->data);
  to = std::copy(orientation_sei_.begin(), orientation_sei_.end(), to);
  std::copy(packet->data + slice, packet->data + bytes, to);
  av_packet_unref(packet);
  av_packet_move_ref(packet, turned.get());
  return 0;
}

std::optional<Failure> FileSource::WaitUntilDue(int64_t dts_us) {
  const int64_t now_us = MonotonicUs();
  int64_t due_us = anchor_us_ + (anchor_dts_us_ ? dts_us - *anchor_dts_us_ : 0);
  if (!anchor_dts_us_ || now_us - due_us > kMaxLagUs) {
    anchor_us_ = due_us = now_us;
    anchor_dts_us_ = dts_us;
  }
  for (;;) {
    if (!interrupt_.SleepUntil(std::min(due_us, look_at_us_))) return Failure{end::kStopped, ""};
    if (due_us < look_at_us_) return std::nullopt;
    look_at_us_ = MonotonicUs() + kLookEveryUs;
    if (auto failure = CheckFile(false)) return failure;
  }
}

std::optional<Failure> FileSource::Read(AVPacket* packet) {
  // There is no timeout, because the disk may be slow. A stop ends the wait between two reads.
  interrupt_.SetDeadline(INT64_MAX);
  int result = ReadRaw(packet);
  // A file that is cut off within its data is played to the cut.
  if ((result == AVERROR_EOF || result == AVERROR_INVALIDDATA) && !interrupt_.stopped()) {
    if (auto failure = BeginLoop()) return failure;
    result = ReadRaw(packet);
    if (result < 0 && seeks_to_begin_ && !interrupt_.stopped()) {
      seeks_to_begin_ = false;
      if (auto failure = Reopen()) return failure;
      result = ReadRaw(packet);
    }
  }
  if (interrupt_.stopped()) return Failure{end::kStopped, ""};
  if (result < 0) {
    if (auto failure = CheckFile(true)) return failure;
    if (result == AVERROR_EOF) return Unreadable("has no video packet: it may be cut off", result);
    return Unreadable("cannot be read: " + AvErrorText(result), result);
  }
  SetTimes(packet);
  result = Turn(packet);
  if (result < 0) return FailureFromAv(result, "turning the picture");
  if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) return std::nullopt;
  return WaitUntilDue(packet->dts);
}

}  // namespace chrys
