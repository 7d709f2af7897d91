#include "history/clip.h"

#include <algorithm>
#include <cstring>

#include "history/history_plan.h"

extern "C" {
#include <libavutil/mathematics.h>
}

namespace chrys {

namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr AVRational kClipTimeBase{1, kSegmentClockHz};

template <typename T>
void KeepRange(std::vector<T>* items, size_t from, size_t to) {
  items->erase(items->begin() + static_cast<std::ptrdiff_t>(to), items->end());
  items->erase(items->begin(), items->begin() + static_cast<std::ptrdiff_t>(from));
}

void KeepSamples(ClipPart* part, size_t from, size_t to) {
  KeepRange(&part->samples, from, to);
  KeepRange(&part->pts, from, to);
  KeepRange(&part->dts, from, to);
}

}  // namespace

HistoryJob::Answer Clip::Next(uint8_t* target, size_t room) {
  if (!prepared_) Prepare();
  if (stopped()) return {};
  if (!failure_.empty()) return Failed();
  if (head_done_ == index_.head.size() && run_ == index_.runs.size()) return {};
  Answer answer;
  if (room < kPieceBytes) {
    answer.kind = Answer::kTooSmall;
    answer.bytes = kPieceBytes;
    return answer;
  }
  answer.kind = Answer::kPiece;
  answer.bytes = std::min(kPieceBytes, index_.head.size() - head_done_);
  std::memcpy(target, index_.head.data() + head_done_, answer.bytes);
  head_done_ += answer.bytes;
  while (answer.bytes < kPieceBytes && run_ < index_.runs.size()) {
    const size_t copied = CopySamples(target + answer.bytes, kPieceBytes - answer.bytes);
    if (copied == 0) {
      failure_ = "A segment of the clip was deleted while it was read: ask again.";
      return Failed();
    }
    answer.bytes += copied;
  }
  return answer;
}

HistoryJob::Answer Clip::Failed() const {
  Answer answer;
  answer.kind = Answer::kFailed;
  answer.failure = failure_;
  return answer;
}

size_t Clip::CopySamples(uint8_t* target, size_t bytes) {
  const ClipRun& run = index_.runs[run_];
  if (open_part_ != run.part) {
    open_ = parts_[run.part].Open();
    open_part_ = run.part;
  }
  const auto count = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(bytes), run.bytes - run_done_));
  if (!open_ || !open_->Read(run.offset + run_done_, target, count)) return 0;
  run_done_ += static_cast<int64_t>(count);
  if (run_done_ == run.bytes) {
    ++run_;
    run_done_ = 0;
  }
  return count;
}

void Clip::Prepare() {
  prepared_ = true;
  // The packet ring comes first: it loses packets while segments are read.
  auto in_memory = MakeFromMemory();
  CollectDisk();
  for (MadeSegment& made : in_memory) {
    if (ended_) break;
    AddSegment(made.segment, "", SegmentInMemory(std::move(made.bytes)));
  }
  Trim();
  if (parts_.empty() || stopped()) return;
  auto index = MakeClipIndex(parts_, stream_, audio_, *options_.cancel);
  if (!index) {
    failure_ = index.error().message;
    return;
  }
  index_ = std::move(*index);
  // From here on only paths and bytes of the parts are needed.
  for (ClipPart& part : parts_) part = {std::move(part.path), std::move(part.bytes), {}, {}, {}, {}};
}

void Clip::CollectDisk() {
  for (const std::string& path : options_.paths) {
    if (ended_ || stopped()) return;
    const auto opened = OpenSegment(path);
    if (!opened) continue;
    if (const auto segment = ReadSegment(**opened)) AddSegment(*segment, path, nullptr);
  }
}

std::vector<MadeSegment> Clip::MakeFromMemory() const {
  const PacketRingView& view = options_.rings.video;
  std::vector<MadeSegment> found;
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
      auto made = MakeSegment(options_.rings, sequence, after, stream->second);
      if (made && *made) found.push_back(std::move(**made));
    }
    sequence = after;
  }
  return found;
}

void Clip::AddSegment(const Segment& segment, const std::string& path, std::shared_ptr<SegmentBytes> bytes) {
  const PacketInfo& first = segment.samples.front().packet;
  if (first.arrival_us > options_.to_us) return;
  // A copy of a segment file has the same frames.
  if (first.sequence < clock_.next_sequence()) return;
  if (parts_.empty()) {
    stream_ = segment.stream;
    parameter_sets_ = segment.parameter_sets;
  } else if (segment.stream.codec_name != stream_.codec_name || segment.stream.width != stream_.width ||
             segment.stream.height != stream_.height || segment.parameter_sets != parameter_sets_) {
    // A track of an mp4 file has one codec and one size.
    ended_ = true;
    return;
  }
  const FrameTimes times = clock_.Add(segment.packets(), segment.duration);
  ClipPart part{path, std::move(bytes), segment.samples, times.pts, times.dts, {}};
  AddAudio(segment, &part);
  parts_.push_back(std::move(part));
}

void Clip::AddAudio(const Segment& segment, ClipPart* part) {
  if (segment.audio_samples.empty()) return;
  if (!audio_) audio_ = segment.stream.audio;
  if (segment.stream.audio != audio_) return;
  const int64_t begin = *std::min_element(part->pts.begin(), part->pts.end());
  const int64_t offset = av_rescale_q(begin, kClipTimeBase, AVRational{1, audio_->sample_rate});
  for (AudioSample sample : segment.audio_samples) {
    sample.time = std::max(sample.time + offset, last_audio_ + 1);
    last_audio_ = sample.time;
    part->audio_samples.push_back(sample);
  }
}

// Removes what lies before the keyframe that the first frame needs and behind the last frame. The first frame gets time
// 0.
void Clip::Trim() {
  int64_t begin = INT64_MAX;
  for (const ClipPart& part : parts_) {
    for (size_t i = 0; i < part.samples.size(); ++i) {
      if (InRange(part.samples[i].packet)) begin = std::min(begin, part.pts[i]);
    }
  }
  if (begin == INT64_MAX) {
    parts_.clear();
    return;
  }
  CutParts();
  for (ClipPart& part : parts_) {
    for (int64_t& pts : part.pts) pts -= begin;
    for (int64_t& dts : part.dts) dts -= begin;
  }
  TrimAudio(begin);
}

// Keeps the samples from the last keyframe before the range to the last frame of the range, in decoding order.
void Clip::CutParts() {
  size_t first_part = 0;
  size_t first_sample = 0;
  size_t last_part = 0;
  size_t last_sample = 0;
  bool begun = false;
  for (size_t p = 0; p < parts_.size(); ++p) {
    for (size_t i = 0; i < parts_[p].samples.size(); ++i) {
      const PacketInfo& packet = parts_[p].samples[i].packet;
      if (packet.is_keyframe && !begun) {
        first_part = p;
        first_sample = i;
      }
      if (!InRange(packet)) continue;
      begun = true;
      last_part = p;
      last_sample = i;
    }
  }
  KeepSamples(&parts_[last_part], 0, last_sample + 1);
  KeepSamples(&parts_[first_part], first_sample, parts_[first_part].samples.size());
  KeepRange(&parts_, first_part, last_part + 1);
}

// Keeps the audio of the time in which frames are shown.
void Clip::TrimAudio(int64_t begin) {
  if (!audio_) return;
  const AVRational samples{1, audio_->sample_rate};
  const int64_t first = av_rescale_q(begin, kClipTimeBase, samples);
  const auto& shown = parts_.back().pts;
  const int64_t last = av_rescale_q(*std::max_element(shown.begin(), shown.end()), kClipTimeBase, samples);
  bool has_audio = false;
  for (ClipPart& part : parts_) {
    std::vector<AudioSample>& audio = part.audio_samples;
    for (AudioSample& sample : audio) sample.time -= first;
    const auto is_outside = [&](const AudioSample& sample) { return sample.time < 0 || sample.time > last; };
    audio.erase(std::remove_if(audio.begin(), audio.end(), is_outside), audio.end());
    has_audio = has_audio || !audio.empty();
  }
  if (!has_audio) audio_.reset();
}

}  // namespace chrys
