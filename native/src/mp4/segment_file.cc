#include "mp4/segment_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

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

constexpr mode_t kFileMode = 0640;

class File : public SegmentBytes {
 public:
  File(int descriptor, int64_t size) : descriptor_(descriptor), size_(size) {}
  ~File() override { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool Read(int64_t offset, uint8_t* target, size_t bytes) const override {
    size_t done = 0;
    while (done < bytes) {
      const ssize_t got = pread(descriptor_, target + done, bytes - done, offset + static_cast<int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      done += static_cast<size_t>(got);
    }
    return true;
  }
  int64_t size() const override { return size_; }

 private:
  const int descriptor_;
  const int64_t size_;
};

class Memory : public SegmentBytes {
 public:
  explicit Memory(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

  bool Read(int64_t offset, uint8_t* target, size_t bytes) const override {
    if (offset < 0 || static_cast<uint64_t>(offset) + bytes > bytes_.size()) return false;
    std::memcpy(target, bytes_.data() + offset, bytes);
    return true;
  }
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }

 private:
  const std::vector<uint8_t> bytes_;
};

// libav's growing memory.
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

SegmentResult Failed(std::string sentence, int error_number = 0) {
  SegmentResult result;
  result.failure = std::move(sentence);
  result.error_number = error_number;
  return result;
}

SegmentResult FailedInLibav(int error, const char* doing) {
  return Failed(std::string(doing) + " failed: " + AvErrorText(error), error == AVERROR(ENOMEM) ? ENOMEM : 0);
}

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

struct Sound {
  std::vector<int64_t> times;                  // in samples, from the first frame shown
  std::vector<std::vector<uint8_t>> payloads;  // padded
};

// The sound of the time of the frames.
Sound ReadSound(const PacketRingView& ring, const std::vector<PacketInfo>& frames, const FrameTimes& times,
                int sample_rate) {
  Sound sound;
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
    if (time < 0 || time >= length || (!sound.times.empty() && time <= sound.times.back())) continue;
    if (!ReadPacket(ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE)) continue;
    sound.times.push_back(time);
    sound.payloads.push_back(payload);
  }
  return sound;
}

// Adds the sound's track. libav's error, or 0.
int AddAudioTrack(AVFormatContext* format, const AudioStream& audio) {
  AVStream* track = avformat_new_stream(format, nullptr);
  if (track == nullptr || !SetExtradata(track->codecpar, audio.extradata)) return AVERROR(ENOMEM);
  SetAudioParameters(track->codecpar, audio);
  track->time_base = AVRational{1, audio.sample_rate};
  return 0;
}

// Muxes the packets and notes where each lies; on failure libav's error.
int Mux(RingPackets& packets, const FrameTimes& times, const Sound& sound, const AVCodecParameters* parameters,
        AVIOContext* io, Segment* segment) {
  AVFormatContext* raw = nullptr;
  int result = avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr);
  if (result < 0) return result;
  const std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> format(raw, avformat_free_context);
  format->pb = io;
  format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
  AVStream* stream = avformat_new_stream(format.get(), nullptr);
  if (stream == nullptr) return AVERROR(ENOMEM);
  result = avcodec_parameters_copy(stream->codecpar, parameters);
  if (result < 0) return result;
  // What players of Apple's want.
  stream->codecpar->codec_tag = parameters->codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
  const AVRational time_base{packets.infos.front().time_base_num, packets.infos.front().time_base_den};
  stream->time_base = time_base;
  if (!sound.times.empty()) {
    result = AddAudioTrack(format.get(), *segment->stream.audio);
    if (result < 0) return result;
  }
  result = avformat_write_header(format.get(), nullptr);
  if (result < 0) return result;

  const AvPtr<AVPacket> packet(av_packet_alloc());
  const auto write = [&](const uint8_t* data, size_t size, int64_t* offset) {
    packet->data = const_cast<uint8_t*>(data);
    packet->size = static_cast<int>(size);
    *offset = avio_tell(io);
    return av_write_frame(format.get(), packet.get());
  };
  size_t next_sound = 0;
  // Sound of the time up to `until`, in the video's time base.
  const auto write_sound = [&](int64_t until) {
    for (; result >= 0 && next_sound < sound.times.size(); ++next_sound) {
      const size_t at = next_sound;
      const AVRational samples{1, segment->stream.audio->sample_rate};
      if (av_compare_ts(sound.times[at], samples, until, time_base) > 0) return;
      const std::vector<uint8_t>& payload = sound.payloads[at];
      AudioSample sample{sound.times[at], 0, static_cast<int32_t>(payload.size() - AV_INPUT_BUFFER_PADDING_SIZE)};
      packet->stream_index = 1;
      packet->pts = packet->dts = sound.times[at];
      const int64_t whole =
          AudioPacketSamples(*segment->stream.audio, payload.data(), static_cast<size_t>(sample.size));
      // The last packet reaches into the next segment: without its end, both tracks of the file are equally long.
      const int64_t until_end = av_rescale_q(times.duration, time_base, samples) - sound.times[at];
      packet->duration = AudioDuration(sound.times, at, std::clamp<int64_t>(until_end, 1, std::max<int64_t>(1, whole)));
      packet->flags = AV_PKT_FLAG_KEY;
      av_packet_rescale_ts(packet.get(), samples, format->streams[1]->time_base);
      result = write(payload.data(), static_cast<size_t>(sample.size), &sample.offset);
      segment->sound.push_back(sample);
    }
  };
  for (size_t i = 0; i < packets.infos.size(); ++i) {
    write_sound(times.dts[i]);
    if (result < 0) return result;
    const PacketInfo& info = packets.infos[i];
    SegmentSample sample{info, 0};
    packet->stream_index = 0;
    packet->pts = times.pts[i];
    packet->dts = times.dts[i];
    packet->flags = info.is_keyframe ? AV_PKT_FLAG_KEY : 0;
    const bool last = i + 1 == packets.infos.size();
    packet->duration = last ? times.duration - (times.dts[i] - times.dts[0]) : times.dts[i + 1] - times.dts[i];
    av_packet_rescale_ts(packet.get(), time_base, stream->time_base);
    result = write(packets.payloads[i].data(), static_cast<size_t>(info.size), &sample.offset);
    if (result < 0) return result;
    sample.packet.size = static_cast<int32_t>(avio_tell(io) - sample.offset);
    segment->samples.push_back(sample);
  }
  write_sound(INT64_MAX);
  return result < 0 ? result : av_write_trailer(format.get());
}

}  // namespace

std::vector<PacketInfo> Segment::packets() const {
  std::vector<PacketInfo> infos;
  for (const SegmentSample& sample : samples) infos.push_back(sample.packet);
  return infos;
}

bool Segment::length_prefixed() const {
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(stream.codec_name.c_str());
  return codec != nullptr && HasParameterSets(codec->id);
}

OpenedSegment OpenSegment(const std::string& path) {
  OpenedSegment opened;
  // A link could lead anywhere; a segment is a file of its own.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat about {};
  if (descriptor < 0 || fstat(descriptor, &about) < 0) {
    opened.error_number = errno;
    if (descriptor >= 0) close(descriptor);
    return opened;
  }
  opened.bytes = std::make_unique<File>(descriptor, S_ISREG(about.st_mode) ? about.st_size : 0);
  return opened;
}

std::unique_ptr<SegmentBytes> SegmentInMemory(std::vector<uint8_t> bytes) {
  return std::make_unique<Memory>(std::move(bytes));
}

std::optional<Segment> ReadSegment(const SegmentBytes& bytes) {
  const auto content = FindSegmentBox(bytes);
  if (!content) return std::nullopt;
  auto segment = ParseSegmentBox(*content);
  if (!segment || segment->samples.empty()) return std::nullopt;
  segment->bytes = bytes.size();
  // Samples do not overlap, so all of them together are no larger than the file.
  int64_t total = 0;
  const auto fits = [&](int64_t offset, int32_t size) {
    total += size;
    return offset >= 0 && offset + size <= segment->bytes && total <= segment->bytes;
  };
  for (const SegmentSample& sample : segment->samples) {
    if (!fits(sample.offset, sample.packet.size)) return std::nullopt;
  }
  for (const AudioSample& sample : segment->sound) {
    if (!fits(sample.offset, sample.size)) return std::nullopt;
  }
  return segment;
}

int64_t AudioDuration(const std::vector<int64_t>& times, size_t at, int64_t last) {
  return at + 1 < times.size() ? times[at + 1] - times[at] : last;
}

SegmentResult MakeSegment(const SegmentRings& rings, int64_t first, int64_t end, const SegmentStream& stream) {
  const PacketRingView& view = rings.video;
  auto packets = ReadPackets(view, first, end);
  if (!packets || packets->infos.empty()) {
    SegmentResult overrun;
    overrun.kind = SegmentResult::kOverrun;
    return overrun;
  }
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(stream.codec_name.c_str());
  const AvPtr<AVCodecParameters> parameters(avcodec_parameters_alloc());
  if (codec == nullptr || !parameters) return Failed("libav knows no codec \"" + stream.codec_name + "\"");
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = codec->id;
  parameters->width = stream.width;
  parameters->height = stream.height;

  SegmentResult result;
  Segment& segment = result.segment;
  segment.stream = stream;
  if (HasParameterSets(codec->id)) {
    BorrowedPacket keyframe;
    keyframe.Over(packets->payloads.front(), packets->infos.front());
    segment.parameter_sets = ParameterSetsIn(parameters.get(), keyframe.packet.get());
    if (segment.parameter_sets.empty()) segment.parameter_sets = stream.extradata;
    if (segment.parameter_sets.empty()) return Failed("the camera has sent no parameter sets (SPS, PPS) yet");
  }
  const std::vector<uint8_t>& extradata = HasParameterSets(codec->id) ? segment.parameter_sets : stream.extradata;
  if (!SetExtradata(parameters.get(), extradata)) return Failed("there is no memory left", ENOMEM);
  const FrameTimes times = TimesOf(packets->infos, ReadPacketInfo(view, end));
  segment.duration = times.duration;

  Sound sound;
  if (stream.audio && rings.audio.base != nullptr) {
    sound = ReadSound(rings.audio, packets->infos, times, stream.audio->sample_rate);
  }
  DynamicOutput output;
  const int error = Mux(*packets, times, sound, parameters.get(), output.io(), &segment);
  if (error < 0) return FailedInLibav(error, ("putting " + stream.codec_name + " into an mp4 file").c_str());
  result.bytes = output.Take();
  const auto box = SegmentBox(segment);
  result.bytes.insert(result.bytes.end(), box.begin(), box.end());
  segment.bytes = static_cast<int64_t>(result.bytes.size());
  result.kind = SegmentResult::kMade;
  return result;
}

SegmentResult WriteSegment(const SegmentRings& rings, int64_t first, int64_t end, const SegmentStream& stream,
                           const std::string& path) {
  SegmentResult result = MakeSegment(rings, first, end, stream);
  if (result.kind != SegmentResult::kMade) return result;
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
  if (descriptor < 0) return Failed("the file cannot be made", errno);
  int error = 0;
  size_t done = 0;
  while (error == 0 && done < result.bytes.size()) {
    const ssize_t written = write(descriptor, result.bytes.data() + done, result.bytes.size() - done);
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) done += static_cast<size_t>(written);
  }
  if (error == 0 && fdatasync(descriptor) < 0) error = errno;
  if (close(descriptor) < 0 && error == 0) error = errno;
  if (error == 0) return result;
  unlink(path.c_str());
  return Failed("the file cannot be written", error);
}

}  // namespace chrys
