#include "source/replay_source.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "codec/parameters.h"

namespace chrys {

namespace {

// Longer gaps between segments are shortened to this.
constexpr int64_t kMaxGapUs = 2'000'000;
// When packets are later than this (the machine slept), the replay continues from now instead of catching up.
constexpr int64_t kMaxLagUs = 1'000'000;

}  // namespace

ReplaySource::ReplaySource(ReplayOptions options, Interrupt& interrupt)
    : options_(std::move(options)), interrupt_(interrupt) {}

std::optional<Failure> ReplaySource::Open() {
  Rewind();
  if (auto failure = LoadNext()) return failure;
  if (packets_.empty()) return Failure{end::kNotFound, "nothing is recorded of that time"};
  return std::nullopt;
}

void ReplaySource::Rewind() {
  history_.emplace(PacketRingView{}, options_.segments, false);
  clock_.emplace(kMaxGapUs);
  next_sequence_ = 0;
  loop_offset_ = loop_end_;
}

void ReplaySource::ReadPackets() {
  const PacketRingView& view = history_->view();
  for (int64_t sequence = view.first_sequence(); sequence < history_->end(); ++sequence) {
    const auto info = ReadPacketInfo(view, sequence);
    if (!info || info->arrival_us > options_.to_us) break;
    // GOPs before the one that contains the begin are not played.
    if (info->is_keyframe && info->arrival_us <= options_.from_us) packets_.clear();
    packets_.push_back(*info);
  }
  if (!packets_.empty() && packets_.back().arrival_us < options_.from_us) packets_.clear();
}

std::optional<Failure> ReplaySource::LoadNext() {
  packets_.clear();
  next_ = 0;
  while (packets_.empty() && history_->Next(next_sequence_) == HistoryPackets::Step::kView) {
    next_sequence_ = history_->end();
    const SegmentStream& stream = *history_->stream();
    if (!codec_name_.empty() && stream.codec_name != codec_name_) continue;
    ReadPackets();
    if (packets_.empty()) continue;
    times_ = clock_->Add(packets_, TimesOf(packets_, std::nullopt).duration);
    if (parameters_) break;
    auto parameters = MakeVideoParameters(stream.codec_name, stream.width, stream.height, stream.extradata);
    if (!parameters) return Failure{end::kIoError, parameters.error().message};
    codec_name_ = stream.codec_name;
    parameters_ = std::move(*parameters);
  }
  return std::nullopt;
}

std::optional<Failure> ReplaySource::WaitUntilDue(int64_t dts) {
  const int64_t now_us = MonotonicUs();
  const double seconds = anchor_dts_ == INT64_MIN ? 0 : static_cast<double>(dts - anchor_dts_) / kSegmentClockHz;
  int64_t due_us = anchor_us_ + static_cast<int64_t>(seconds * 1e6 / options_.speed);
  if (anchor_dts_ == INT64_MIN || now_us - due_us > kMaxLagUs) {
    anchor_us_ = due_us = now_us;
    anchor_dts_ = dts;
  }
  if (!interrupt_.SleepUntil(due_us)) return Failure{end::kStopped, ""};
  return std::nullopt;
}

std::optional<Failure> ReplaySource::Read(AVPacket* packet) {
  if (next_ >= packets_.size()) {
    if (auto failure = LoadNext()) return failure;
  }
  if (packets_.empty()) {
    if (!options_.loop) return Failure{end::kReplayEnded, "the replay is over"};
    Rewind();
    if (auto failure = LoadNext()) return failure;
    if (packets_.empty()) return Failure{end::kNotFound, "nothing is left of what was recorded"};
  }
  const size_t at = next_++;
  const auto info = ReadPacket(history_->view(), packets_[at].sequence, &payload_, 0);
  if (!info) return Failure{end::kIoError, "a recorded packet cannot be read"};
  const int64_t dts = loop_offset_ + times_.dts[at];
  loop_end_ =
      std::max(loop_end_, loop_offset_ + times_.pts[at] + times_.duration / static_cast<int64_t>(packets_.size()));
  if (auto failure = WaitUntilDue(dts)) return failure;
  av_packet_unref(packet);
  const int error = av_new_packet(packet, info->size);
  if (error < 0) return FailureFromAv(error, "reading what was recorded");
  std::memcpy(packet->data, payload_.data(), static_cast<size_t>(info->size));
  packet->pts = loop_offset_ + times_.pts[at];
  packet->dts = dts;
  packet->flags = (info->is_keyframe ? AV_PKT_FLAG_KEY : 0) | (info->is_damaged ? AV_PKT_FLAG_CORRUPT : 0);
  original_ = {info->arrival_us, FrameIdOf(history_->view(), *info)};
  return std::nullopt;
}

}  // namespace chrys
