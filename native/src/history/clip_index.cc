#include "history/clip_index.h"

#include <algorithm>

#include "base/atomics.h"
#include "base/av_handles.h"
#include "base/failure.h"
#include "codec/audio_packets.h"
#include "codec/parameters.h"
#include "mp4/frame_times.h"
#include "mp4/mp4_index.h"

namespace chrys {

namespace {

constexpr AVRational kClipTimeBase{1, kSegmentClockHz};
// Duration of the only frame of a clip.
constexpr int64_t kSingleFrameTicks = kSegmentClockHz / 25;

Error IndexError(const std::string& why) { return {"The index of the clip cannot be made: " + why + "."}; }

// Duration of the clip's last audio packet, in units of 1 / sample_rate.
int64_t LastAudioDuration(const std::vector<ClipPart>& parts, const AudioStream& audio) {
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->audio_samples.empty()) continue;
    const AudioSample& last = part->audio_samples.back();
    const std::shared_ptr<SegmentBytes> bytes = part->Open();
    uint8_t head[2]{};
    const size_t size = std::min(sizeof head, static_cast<size_t>(last.size));
    return AudioPacketSamples(audio, head, bytes && bytes->Read(last.offset, head, size) ? size : 0);
  }
  return 0;
}

// Lets libav write the clip with empty samples, and keeps everything except the samples. Functions return libav's
// error, or 0.
class IndexMuxer {
 public:
  IndexMuxer(const std::vector<ClipPart>& parts, const std::optional<AudioStream>& audio,
             const std::atomic<int32_t>& cancel)
      : parts_(parts), audio_(audio), cancel_(cancel) {
    if (audio_) audio_time_base_ = {1, audio_->sample_rate};
    int32_t largest = 0;
    for (const ClipPart& part : parts_) {
      for (const SegmentSample& sample : part.samples) largest = std::max(largest, sample.packet.size);
      for (const AudioSample& sample : part.audio_samples) {
        largest = std::max(largest, sample.size);
        audio_times_.push_back(sample.time);
      }
    }
    zeros_.resize(static_cast<size_t>(largest) + AV_INPUT_BUFFER_PADDING_SIZE);
  }

  int Run(const AVCodecParameters* video) {
    int result = Open(video);
    if (result >= 0) result = avformat_write_header(format_.get(), nullptr);
    if (result < 0) return result;
    avio_flush(io_.get());
    sink_.dropping = true;
    if (audio_) last_audio_duration_ = LastAudioDuration(parts_, *audio_);
    for (size_t part = 0; result >= 0 && part < parts_.size(); ++part) result = WritePart(part);
    if (result < 0) return result;
    avio_flush(io_.get());
    sink_.dropping = false;
    result = av_write_trailer(format_.get());
    avio_flush(io_.get());
    return result;
  }

  // The clip up to its samples. Empty: too large.
  std::vector<uint8_t> TakeHead() { return IndexInFront(sink_); }
  std::vector<ClipRun> TakeRuns() { return std::move(runs_); }

 private:
  int Open(const AVCodecParameters* video) {
    AVFormatContext* raw = nullptr;
    io_ = OpenIo(1, &sink_, nullptr, &IndexSink::Write, &IndexSink::Seek);
    const int result = io_ ? avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr) : AVERROR(ENOMEM);
    if (result < 0) return result;
    format_.reset(raw);
    // Samples are passed on without a copy.
    io_->direct = AVIO_FLAG_DIRECT;
    format_->pb = io_.get();
    format_->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    AVStream* track = avformat_new_stream(format_.get(), nullptr);
    if (track == nullptr || !packet_) return AVERROR(ENOMEM);
    const int copied = avcodec_parameters_copy(track->codecpar, video);
    if (copied < 0) return copied;
    track->codecpar->codec_tag = video->codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
    track->time_base = kClipTimeBase;
    if (!audio_) return 0;
    AVStream* audio_track = avformat_new_stream(format_.get(), nullptr);
    if (audio_track == nullptr) return AVERROR(ENOMEM);
    SetAudioParameters(audio_track->codecpar, *audio_);
    if (!SetExtradata(audio_track->codecpar, audio_->extradata)) return AVERROR(ENOMEM);
    audio_track->time_base = audio_time_base_;
    return 0;
  }

  // Writes the samples of a part in the order in which they lie in its file.
  int WritePart(size_t index) {
    const ClipPart& part = parts_[index];
    size_t next_audio = 0;
    for (size_t i = 0; i < part.samples.size() && LoadRelaxed(cancel_) == 0; ++i) {
      const SegmentSample& sample = part.samples[i];
      const int result = WriteAudio(index, sample.offset, &next_audio);
      if (result < 0) return result;
      packet_->pts = part.pts[i];
      packet_->dts = part.dts[i];
      packet_->flags = sample.packet.is_keyframe ? AV_PKT_FLAG_KEY : 0;
      packet_->duration = FrameDuration(index, i);
      const int written = Write(index, sample.offset, sample.packet.size, kClipTimeBase, 0);
      if (written < 0) return written;
    }
    return WriteAudio(index, INT64_MAX, &next_audio);
  }

  // Writes the audio of a part that lies before `until_offset`.
  int WriteAudio(size_t index, int64_t until_offset, size_t* next_audio) {
    const std::vector<AudioSample>& samples = parts_[index].audio_samples;
    int result = 0;
    for (; result >= 0 && *next_audio < samples.size() && samples[*next_audio].offset < until_offset; ++*next_audio) {
      const AudioSample& sample = samples[*next_audio];
      packet_->pts = packet_->dts = sample.time;
      packet_->duration = AudioDuration(audio_times_, written_audio_++, last_audio_duration_);
      packet_->flags = AV_PKT_FLAG_KEY;
      result = Write(index, sample.offset, sample.size, audio_time_base_, 1);
    }
    return result;
  }

  int64_t FrameDuration(size_t index, size_t i) const {
    const ClipPart& part = parts_[index];
    if (i + 1 < part.samples.size()) return part.dts[i + 1] - part.dts[i];
    if (index + 1 < parts_.size()) return parts_[index + 1].dts.front() - part.dts[i];
    // The clip does not contain the frame that follows its last one.
    return std::max<int64_t>(1, i > 0 ? part.dts[i] - part.dts[i - 1] : kSingleFrameTicks);
  }

  // Writes packet_ as a sample of `size` bytes that lie in the part at `offset`.
  int Write(size_t part, int64_t offset, int32_t size, AVRational time_base, int track) {
    packet_->data = zeros_.data();
    packet_->size = size;
    packet_->stream_index = track;
    av_packet_rescale_ts(packet_.get(), time_base, format_->streams[track]->time_base);
    if (!runs_.empty() && runs_.back().part == part && runs_.back().offset + runs_.back().bytes == offset) {
      runs_.back().bytes += size;
    } else {
      runs_.push_back({part, offset, size});
    }
    return av_write_frame(format_.get(), packet_.get());
  }

  const std::vector<ClipPart>& parts_;
  const std::optional<AudioStream>& audio_;
  const std::atomic<int32_t>& cancel_;
  AVRational audio_time_base_{0, 1};
  IndexSink sink_;
  IoPtr io_;
  std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> format_{nullptr, avformat_free_context};
  const AvPtr<AVPacket> packet_{av_packet_alloc()};
  std::vector<uint8_t> zeros_;        // the content of every sample
  std::vector<int64_t> audio_times_;  // of all parts
  size_t written_audio_ = 0;
  int64_t last_audio_duration_ = 0;
  std::vector<ClipRun> runs_;
};

}  // namespace

std::shared_ptr<SegmentBytes> ClipPart::Open() const {
  if (bytes) return bytes;
  auto opened = OpenSegment(path);
  return opened ? std::move(*opened) : nullptr;
}

Result<ClipIndex> MakeClipIndex(const std::vector<ClipPart>& parts, const SegmentStream& stream,
                                const std::optional<AudioStream>& audio, const std::atomic<int32_t>& cancel) {
  const std::shared_ptr<SegmentBytes> first = parts.front().Open();
  if (!first) return IndexError("its first segment is gone");
  const auto video = MakeVideoParameters(stream.codec_name, stream.width, stream.height, CodecConfiguration(*first));
  if (!video) return video.error();
  IndexMuxer muxer(parts, audio, cancel);
  const int error = muxer.Run(video->get());
  if (error < 0) return IndexError(AvErrorText(error));
  ClipIndex index{muxer.TakeHead(), muxer.TakeRuns()};
  if (index.head.empty()) return Error{"The clip is too large for one mp4 file: ask for a shorter one."};
  return index;
}

}  // namespace chrys
