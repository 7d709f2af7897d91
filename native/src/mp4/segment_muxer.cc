#include "mp4/segment_file.h"

#include <algorithm>
#include <cerrno>

#include "base/av_handles.h"
#include "base/failure.h"
#include "codec/audio_packets.h"
#include "codec/parameters.h"
#include "frames/decoder.h"
#include "mp4/frame_times.h"
#include "mp4/segment_box.h"

extern "C" {
#include <libavutil/mathematics.h>
}

namespace chrys {

namespace {

// An output of libav's into memory.
class DynamicOutput {
 public:
  DynamicOutput() { avio_open_dyn_buf(&io_); }
  ~DynamicOutput() {
    if (io_ != nullptr) Take();
  }
  DynamicOutput(const DynamicOutput&) = delete;
  DynamicOutput& operator=(const DynamicOutput&) = delete;

  AVIOContext* io() { return io_; }
  std::vector<uint8_t> Take() {
    uint8_t* data = nullptr;
    const int size = avio_close_dyn_buf(io_, &data);
    io_ = nullptr;
    std::vector<uint8_t> bytes(data, data + std::max(0, size));
    av_free(data);
    return bytes;
  }

 private:
  AVIOContext* io_ = nullptr;
};

struct RingPackets {
  std::vector<PacketInfo> infos;
  std::vector<std::vector<uint8_t>> payloads;  // padded
};

std::optional<RingPackets> ReadPackets(const PacketRingView& view, int64_t first, int64_t end) {
  RingPackets packets;
  for (int64_t sequence = first; sequence < end; ++sequence) {
    packets.payloads.emplace_back();
    const auto info = ReadPacket(view, sequence, &packets.payloads.back(), AV_INPUT_BUFFER_PADDING_SIZE);
    if (!info) return std::nullopt;
    packets.infos.push_back(*info);
  }
  return packets;
}

// The audio packets of a segment.
struct SegmentAudio {
  std::vector<int64_t> times;                  // from the first frame shown, in units of 1 / sample_rate
  std::vector<std::vector<uint8_t>> payloads;  // padded
};

// Reads the audio of the time in which `frames` are shown.
SegmentAudio ReadAudio(const PacketRingView& ring, const std::vector<PacketInfo>& frames, const FrameTimes& times,
                       int sample_rate) {
  SegmentAudio audio;
  const PacketInfo& first = frames.front();
  const AVRational video{first.time_base_num, first.time_base_den};
  const AVRational samples{1, sample_rate};
  int64_t shown_first = first.pts;
  for (const PacketInfo& frame : frames) shown_first = std::min(shown_first, frame.pts);
  const int64_t begin = av_rescale_q(shown_first, video, samples);
  const int64_t length = av_rescale_q(times.duration, video, samples);
  const int64_t end = ring.next_sequence();
  std::vector<uint8_t> payload;
  for (int64_t sequence = ring.first_sequence(); sequence < end; ++sequence) {
    const auto info = ReadPacketInfo(ring, sequence);
    if (!info || info->connection != first.connection) continue;
    const int64_t time = av_rescale_q(info->pts, AVRational{info->time_base_num, info->time_base_den}, samples) - begin;
    if (time < 0 || time >= length || (!audio.times.empty() && time <= audio.times.back())) continue;
    if (!ReadPacket(ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE)) continue;
    audio.times.push_back(time);
    audio.payloads.push_back(payload);
  }
  return audio;
}

// Writes the packets of a segment into an mp4 file, and notes where each lies. Functions return libav's error, or 0.
class Muxer {
 public:
  Muxer(const RingPackets& packets, const FrameTimes& times, const SegmentAudio& audio, Segment* segment)
      : packets_(packets), times_(times), audio_(audio), segment_(*segment) {
    const PacketInfo& first = packets.infos.front();
    time_base_ = {first.time_base_num, first.time_base_den};
    if (segment_.stream.audio) audio_time_base_ = {1, segment_.stream.audio->sample_rate};
  }

  int Run(const AVCodecParameters* parameters, AVIOContext* io) {
    int result = Open(parameters, io);
    if (result >= 0) result = avformat_write_header(format_.get(), nullptr);
    for (size_t i = 0; result >= 0 && i < packets_.infos.size(); ++i) {
      result = WriteAudio(times_.dts[i]);
      if (result >= 0) result = WriteFrame(i);
    }
    if (result >= 0) result = WriteAudio(INT64_MAX);
    return result < 0 ? result : av_write_trailer(format_.get());
  }

 private:
  int Open(const AVCodecParameters* parameters, AVIOContext* io) {
    AVFormatContext* raw = nullptr;
    const int result = avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr);
    if (result < 0) return result;
    format_.reset(raw);
    format_->pb = io;
    format_->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    AVStream* video = avformat_new_stream(format_.get(), nullptr);
    if (video == nullptr || !packet_) return AVERROR(ENOMEM);
    const int copied = avcodec_parameters_copy(video->codecpar, parameters);
    if (copied < 0) return copied;
    // Apple's players require this tag.
    video->codecpar->codec_tag = parameters->codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
    video->time_base = time_base_;
    if (audio_.times.empty()) return 0;
    AVStream* track = avformat_new_stream(format_.get(), nullptr);
    if (track == nullptr || !SetExtradata(track->codecpar, segment_.stream.audio->extradata)) return AVERROR(ENOMEM);
    SetAudioParameters(track->codecpar, *segment_.stream.audio);
    track->time_base = audio_time_base_;
    return 0;
  }

  int WriteFrame(size_t index) {
    const PacketInfo& info = packets_.infos[index];
    SegmentSample sample{info, 0};
    packet_->stream_index = 0;
    packet_->pts = times_.pts[index];
    packet_->dts = times_.dts[index];
    packet_->flags = info.is_keyframe ? AV_PKT_FLAG_KEY : 0;
    const bool is_last = index + 1 == packets_.infos.size();
    packet_->duration =
        is_last ? times_.duration - (times_.dts[index] - times_.dts[0]) : times_.dts[index + 1] - times_.dts[index];
    av_packet_rescale_ts(packet_.get(), time_base_, format_->streams[0]->time_base);
    const int result = Write(packets_.payloads[index].data(), static_cast<size_t>(info.size), &sample.offset);
    // libav replaces start codes, which can change the size.
    sample.packet.size = static_cast<int32_t>(avio_tell(format_->pb) - sample.offset);
    segment_.samples.push_back(sample);
    return result;
  }

  // Writes the audio up to `until`, in the video's time base.
  int WriteAudio(int64_t until) {
    int result = 0;
    for (; result >= 0 && next_audio_ < audio_.times.size(); ++next_audio_) {
      const int64_t time = audio_.times[next_audio_];
      if (av_compare_ts(time, audio_time_base_, until, time_base_) > 0) break;
      const std::vector<uint8_t>& payload = audio_.payloads[next_audio_];
      AudioSample sample{time, 0, static_cast<int32_t>(payload.size() - AV_INPUT_BUFFER_PADDING_SIZE)};
      const int64_t whole =
          AudioPacketSamples(*segment_.stream.audio, payload.data(), static_cast<size_t>(sample.size));
      // The last packet extends into the next segment. It is cut, so that both tracks of the file have equal durations.
      const int64_t until_end = av_rescale_q(times_.duration, time_base_, audio_time_base_) - time;
      const int64_t last = std::clamp<int64_t>(until_end, 1, std::max<int64_t>(1, whole));
      packet_->stream_index = 1;
      packet_->pts = packet_->dts = time;
      packet_->duration = AudioDuration(audio_.times, next_audio_, last);
      packet_->flags = AV_PKT_FLAG_KEY;
      av_packet_rescale_ts(packet_.get(), audio_time_base_, format_->streams[1]->time_base);
      result = Write(payload.data(), static_cast<size_t>(sample.size), &sample.offset);
      segment_.audio_samples.push_back(sample);
    }
    return result;
  }

  int Write(const uint8_t* data, size_t size, int64_t* offset) {
    packet_->data = const_cast<uint8_t*>(data);
    packet_->size = static_cast<int>(size);
    *offset = avio_tell(format_->pb);
    return av_write_frame(format_.get(), packet_.get());
  }

  const RingPackets& packets_;
  const FrameTimes& times_;
  const SegmentAudio& audio_;
  Segment& segment_;
  AVRational time_base_{0, 1};
  AVRational audio_time_base_{0, 1};
  std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> format_{nullptr, avformat_free_context};
  const AvPtr<AVPacket> packet_{av_packet_alloc()};
  size_t next_audio_ = 0;
};

// Finds the segment's parameter sets. False: the codec has parameter sets, and the camera has sent none.
bool FindParameterSets(RingPackets& packets, const AVCodecParameters* parameters, Segment* segment) {
  if (!HasParameterSets(parameters->codec_id)) return true;
  BorrowedPacket keyframe;
  keyframe.Over(packets.payloads.front(), packets.infos.front());
  segment->parameter_sets = ParameterSetsIn(parameters, keyframe.packet.get());
  if (segment->parameter_sets.empty()) segment->parameter_sets = segment->stream.extradata;
  return !segment->parameter_sets.empty();
}

}  // namespace

Result<std::optional<MadeSegment>> MakeSegment(const SegmentRings& rings, int64_t first, int64_t end,
                                               const SegmentStream& stream) {
  auto packets = ReadPackets(rings.video, first, end);
  if (!packets || packets->infos.empty()) return std::optional<MadeSegment>();
  auto parameters = MakeVideoParameters(stream.codec_name, stream.width, stream.height, {});
  if (!parameters) return parameters.error();

  MadeSegment made;
  Segment& segment = made.segment;
  segment.stream = stream;
  if (!FindParameterSets(*packets, parameters->get(), &segment)) {
    return Error{"The camera has sent no parameter sets (SPS, PPS) yet."};
  }
  const bool has_sets = HasParameterSets((*parameters)->codec_id);
  if (!SetExtradata(parameters->get(), has_sets ? segment.parameter_sets : stream.extradata)) return OutOfMemory();
  const FrameTimes times = TimesOf(packets->infos, ReadPacketInfo(rings.video, end));
  segment.duration = times.duration;
  SegmentAudio audio;
  if (stream.audio && rings.audio.base != nullptr) {
    audio = ReadAudio(rings.audio, packets->infos, times, stream.audio->sample_rate);
  }
  DynamicOutput output;
  const int error = Muxer(*packets, times, audio, &segment).Run(parameters->get(), output.io());
  if (error < 0) {
    return Error{"Putting " + stream.codec_name + " into an mp4 file failed: " + AvErrorText(error),
                 error == AVERROR(ENOMEM) ? ENOMEM : 0};
  }
  made.bytes = output.Take();
  const auto box = SegmentBox(segment);
  made.bytes.insert(made.bytes.end(), box.begin(), box.end());
  segment.bytes = static_cast<int64_t>(made.bytes.size());
  return std::optional<MadeSegment>(std::move(made));
}

}  // namespace chrys
