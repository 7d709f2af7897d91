#include "history/clip.h"

#include <algorithm>
#include <cstring>

#include "base/av_handles.h"
#include "base/failure.h"
#include "codec/audio_packets.h"
#include "codec/parameters.h"
#include "history/history_plan.h"
#include "mp4/frame_times.h"
#include "mp4/mp4_index.h"

namespace chrys {

namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr AVRational kClipTimeBase{1, kTimeRowHz};
// Of a clip of one frame.
constexpr int64_t kLoneFrame = kTimeRowHz / 25;

}  // namespace

HistoryJob::Answer Clip::Next(uint8_t* target, size_t room) {
  Answer answer;
  if (!prepared_) {
    prepared_ = true;
    Prepare();
  }
  if (stopped()) return answer;
  if (!failure_.empty()) {
    answer.kind = Answer::kFailed;
    answer.failure = failure_;
    return answer;
  }
  if (head_done_ == head_.size() && run_ == runs_.size()) return answer;
  if (room < kPieceBytes) {
    answer.kind = Answer::kTooSmall;
    answer.bytes = kPieceBytes;
    return answer;
  }
  answer.kind = Answer::kPiece;
  const size_t of_head = std::min(kPieceBytes, head_.size() - head_done_);
  std::memcpy(target, head_.data() + head_done_, of_head);
  head_done_ += of_head;
  answer.bytes = of_head;
  while (answer.bytes < kPieceBytes && run_ < runs_.size()) {
    const Run& run = runs_[run_];
    if (open_part_ != run.part) {
      open_ = parts_[run.part].bytes != nullptr ? parts_[run.part].bytes : Open(parts_[run.part]);
      open_part_ = run.part;
    }
    const auto part =
        static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(kPieceBytes - answer.bytes), run.bytes - run_done_));
    if (!open_ || !open_->Read(run.offset + run_done_, target + answer.bytes, part)) {
      failure_ = "a segment of the clip was deleted while it was read: ask again";
      answer.kind = Answer::kFailed;
      answer.failure = failure_;
      return answer;
    }
    answer.bytes += part;
    run_done_ += static_cast<int64_t>(part);
    if (run_done_ == run.bytes) {
      ++run_;
      run_done_ = 0;
    }
  }
  return answer;
}

std::unique_ptr<SegmentBytes> Clip::Open(const Part& part) const { return OpenSegment(part.path).bytes; }

bool Clip::Prepare() {
  // Memory first: while many files are read, it would lose what is not among them.
  auto in_memory = MakeFromMemory();
  CollectDisk();
  for (SegmentResult& made : in_memory) {
    if (ended_) break;
    AddSegment(made.segment, "", SegmentInMemory(std::move(made.bytes)));
  }
  Trim();
  return !parts_.empty() && !stopped() && MakeHead();
}

void Clip::CollectDisk() {
  for (const std::string& path : options_.paths) {
    if (ended_ || stopped()) return;
    const OpenedSegment opened = OpenSegment(path);
    if (!opened.bytes) continue;
    if (const auto segment = ReadSegment(*opened.bytes)) AddSegment(*segment, path, nullptr);
  }
}

std::vector<SegmentResult> Clip::MakeFromMemory() const {
  const PacketRingView& view = options_.rings.video;
  std::vector<SegmentResult> found;
  if (view.base == nullptr) return found;
  int64_t end = view.next_sequence();
  // A range that reaches the newest packet ends before a frame whose earlier neighbours are still to come.
  const auto newest = ReadPacketInfo(view, end - 1);
  if (newest && newest->arrival_us <= options_.to_us) {
    for (const int64_t unsettled : UnsettledFrames(view, end)) end = std::min(end, unsettled);
  }
  int64_t sequence = view.first_sequence();
  while (sequence < end && !stopped()) {
    const auto first = ReadPacketInfo(view, sequence);
    if (!first || !first->is_keyframe) {
      ++sequence;
      continue;
    }
    int64_t after = sequence + 1;
    while (after < end) {
      const auto info = ReadPacketInfo(view, after);
      if (!info || info->is_keyframe || info->connection != first->connection) break;
      ++after;
    }
    const auto last = ReadPacketInfo(view, after - 1);
    const auto stream = options_.streams.find(first->connection);
    if (stream != options_.streams.end() && last && last->arrival_us >= options_.from_us &&
        first->arrival_us <= options_.to_us) {
      SegmentResult made = MakeSegment(options_.rings, sequence, after, stream->second);
      if (made.kind == SegmentResult::kMade) found.push_back(std::move(made));
    }
    sequence = after;
  }
  return found;
}

bool Clip::AddSegment(const Segment& segment, const std::string& path, std::shared_ptr<SegmentBytes> bytes) {
  const PacketInfo& first = segment.samples.front().packet;
  if (first.arrival_us > options_.to_us) return false;
  // A file that somebody copied has the same frames.
  if (first.sequence < times_.next_sequence()) return false;
  if (parts_.empty()) {
    stream_ = segment.stream;
    parameter_sets_ = segment.parameter_sets;
  } else if (segment.stream.codec_name != stream_.codec_name || segment.stream.width != stream_.width ||
             segment.stream.height != stream_.height || segment.parameter_sets != parameter_sets_) {
    // One track of an mp4 file is of one kind.
    ended_ = true;
    return false;
  }
  const FrameTimes times = times_.Add(segment.packets(), segment.duration);
  Part part{path, std::move(bytes), segment.samples, times.pts, times.dts, {}};
  if (!audio_ && !segment.sound.empty()) audio_ = segment.stream.audio;
  if (!segment.sound.empty() && segment.stream.audio == audio_) {
    const int64_t begin = *std::min_element(times.pts.begin(), times.pts.end());
    const int64_t offset = av_rescale_q(begin, kClipTimeBase, AVRational{1, audio_->sample_rate});
    for (AudioSample sample : segment.sound) {
      sample.time = std::max(sample.time + offset, last_audio_ + 1);
      last_audio_ = sample.time;
      part.sound.push_back(sample);
    }
  }
  parts_.push_back(std::move(part));
  return true;
}

// Takes away what lies before the keyframe that the first frame needs and behind the last frame, and puts the first
// frame to time 0.
void Clip::Trim() {
  // In the order of display, the first frame that is shown.
  int64_t begin = INT64_MAX;
  bool any = false;
  for (const Part& part : parts_) {
    for (size_t i = 0; i < part.samples.size(); ++i) {
      const int64_t arrival_us = part.samples[i].packet.arrival_us;
      if (arrival_us < options_.from_us || arrival_us > options_.to_us) continue;
      begin = std::min(begin, part.pts[i]);
      any = true;
    }
  }
  if (!any) {
    parts_.clear();
    return;
  }
  // In the order of decoding, what these need.
  size_t first_part = 0;
  size_t first_sample = 0;
  size_t last_part = 0;
  size_t last_sample = 0;
  bool begun = false;
  for (size_t p = 0; p < parts_.size(); ++p) {
    for (size_t i = 0; i < parts_[p].samples.size(); ++i) {
      const PacketInfo& packet = parts_[p].samples[i].packet;
      const bool shown = packet.arrival_us >= options_.from_us && packet.arrival_us <= options_.to_us;
      if (packet.is_keyframe && !begun) {
        first_part = p;
        first_sample = i;
      }
      begun = begun || shown;
      if (!shown) continue;
      last_part = p;
      last_sample = i;
    }
  }
  const auto cut = [&](Part& part, size_t from, size_t to) {
    const auto keep = [&](auto& row) {
      row.erase(row.begin() + static_cast<std::ptrdiff_t>(to), row.end());
      row.erase(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(from));
    };
    keep(part.samples);
    keep(part.pts);
    keep(part.dts);
  };
  cut(parts_[last_part], 0, last_sample + 1);
  cut(parts_[first_part], first_sample, parts_[first_part].samples.size());
  parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(last_part) + 1, parts_.end());
  parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(first_part));

  for (Part& part : parts_) {
    for (int64_t& pts : part.pts) pts -= begin;
    for (int64_t& dts : part.dts) dts -= begin;
  }
  TrimAudio(begin);
}

// The sound of the frames that are shown.
void Clip::TrimAudio(int64_t begin) {
  if (!audio_) return;
  const AVRational samples{1, audio_->sample_rate};
  const int64_t first = av_rescale_q(begin, kClipTimeBase, samples);
  const auto& shown = parts_.back().pts;
  const int64_t last = av_rescale_q(*std::max_element(shown.begin(), shown.end()), kClipTimeBase, samples);
  bool any = false;
  for (Part& part : parts_) {
    for (AudioSample& sample : part.sound) sample.time -= first;
    part.sound.erase(std::remove_if(part.sound.begin(), part.sound.end(),
                                    [&](const AudioSample& sample) { return sample.time < 0 || sample.time > last; }),
                     part.sound.end());
    any = any || !part.sound.empty();
  }
  if (!any) audio_.reset();
}

// The length of the clip's last packet of audio, in samples.
int64_t Clip::LastAudioSamples() const {
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
    if (part->sound.empty()) continue;
    const AudioSample& last = part->sound.back();
    const std::shared_ptr<SegmentBytes> bytes = part->bytes != nullptr ? part->bytes : Open(*part);
    uint8_t head[2]{};
    const size_t size = std::min(sizeof head, static_cast<size_t>(last.size));
    return AudioPacketSamples(*audio_, head, bytes && bytes->Read(last.offset, head, size) ? size : 0);
  }
  return 0;
}

bool Clip::MakeHead() {
  const auto fail = [&](int error) {
    failure_ = "the clip's index cannot be made: " + AvErrorText(error);
    return false;
  };
  const Part& first = parts_.front();
  const std::shared_ptr<SegmentBytes> bytes = first.bytes != nullptr ? first.bytes : Open(first);
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(stream_.codec_name.c_str());
  if (!bytes || codec == nullptr) return fail(AVERROR(ENOENT));
  const std::vector<uint8_t> configuration = CodecConfiguration(*bytes);

  IndexSink sink;
  const IoPtr io = OpenIo(1, &sink, nullptr, &IndexSink::Write, &IndexSink::Seek);
  AVFormatContext* raw = nullptr;
  int error = io ? avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr) : AVERROR(ENOMEM);
  if (error < 0) return fail(error);
  const std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> format(raw, avformat_free_context);
  // Samples are handed through and not copied together.
  io->direct = AVIO_FLAG_DIRECT;
  format->pb = io.get();
  format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
  AVStream* track = avformat_new_stream(format.get(), nullptr);
  if (track == nullptr) return fail(AVERROR(ENOMEM));
  AVCodecParameters* parameters = track->codecpar;
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = codec->id;
  parameters->codec_tag = codec->id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
  parameters->width = stream_.width;
  parameters->height = stream_.height;
  if (!SetExtradata(parameters, configuration)) return fail(AVERROR(ENOMEM));
  track->time_base = kClipTimeBase;
  AVStream* sound_track = audio_ ? avformat_new_stream(format.get(), nullptr) : nullptr;
  if (sound_track != nullptr) {
    SetAudioParameters(sound_track->codecpar, *audio_);
    if (!SetExtradata(sound_track->codecpar, audio_->extradata)) return fail(AVERROR(ENOMEM));
    sound_track->time_base = AVRational{1, audio_->sample_rate};
  }
  error = avformat_write_header(format.get(), nullptr);
  if (error < 0) return fail(error);
  avio_flush(io.get());

  sink.dropping = true;
  int32_t largest = 0;
  std::vector<int64_t> sound_times;
  for (const Part& part : parts_) {
    for (const SegmentSample& sample : part.samples) largest = std::max(largest, sample.packet.size);
    for (const AudioSample& sample : part.sound) {
      largest = std::max(largest, sample.size);
      sound_times.push_back(sample.time);
    }
  }
  const int64_t last_samples = LastAudioSamples();
  std::vector<uint8_t> zeros(static_cast<size_t>(largest) + AV_INPUT_BUFFER_PADDING_SIZE);
  const AvPtr<AVPacket> packet(av_packet_alloc());
  // The bytes of `part` at `offset`, of which only the place and the time matter here.
  const auto write = [&](size_t part, int64_t offset, int32_t size, AVRational time_base, AVStream* to) {
    packet->data = zeros.data();
    packet->size = size;
    packet->stream_index = to->index;
    av_packet_rescale_ts(packet.get(), time_base, to->time_base);
    if (!runs_.empty() && runs_.back().part == part && runs_.back().offset + runs_.back().bytes == offset) {
      runs_.back().bytes += size;
    } else {
      runs_.push_back({part, offset, size});
    }
    return av_write_frame(format.get(), packet.get());
  };
  size_t sounds = 0;
  for (size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    size_t next_sound = 0;
    // As they lie in the file.
    const auto write_sound = [&](int64_t until) {
      for (; error >= 0 && next_sound < part.sound.size() && part.sound[next_sound].offset < until; ++next_sound) {
        packet->pts = packet->dts = part.sound[next_sound].time;
        packet->duration = AudioDuration(sound_times, sounds++, last_samples);
        packet->flags = AV_PKT_FLAG_KEY;
        error = write(p, part.sound[next_sound].offset, part.sound[next_sound].size, AVRational{1, audio_->sample_rate},
                      sound_track);
      }
    };
    for (size_t i = 0; i < part.samples.size() && !stopped(); ++i) {
      const SegmentSample& sample = part.samples[i];
      write_sound(sample.offset);
      if (error < 0) return fail(error);
      packet->pts = part.pts[i];
      packet->dts = part.dts[i];
      packet->flags = sample.packet.is_keyframe ? AV_PKT_FLAG_KEY : 0;
      const bool last_of_part = i + 1 == part.samples.size();
      const bool last = last_of_part && p + 1 == parts_.size();
      // What follows the clip's last frame is not in it.
      packet->duration = last ? std::max<int64_t>(1, i > 0 ? part.dts[i] - part.dts[i - 1] : kLoneFrame)
                              : (last_of_part ? parts_[p + 1].dts.front() : part.dts[i + 1]) - part.dts[i];
      error = write(p, sample.offset, sample.packet.size, kClipTimeBase, track);
      if (error < 0) return fail(error);
    }
    write_sound(INT64_MAX);
    if (error < 0) return fail(error);
  }
  avio_flush(io.get());
  sink.dropping = false;
  error = av_write_trailer(format.get());
  if (error < 0) return fail(error);
  avio_flush(io.get());
  head_ = IndexInFront(sink);
  if (head_.empty()) {
    failure_ = "a clip of that size cannot be made: ask for a shorter one";
    return false;
  }
  // From here on only what lies where is needed.
  for (Part& part : parts_) {
    part.samples = {};
    part.pts = {};
    part.dts = {};
    part.sound = {};
  }
  return true;
}

}  // namespace chrys
