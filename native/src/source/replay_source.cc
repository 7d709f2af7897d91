#include "source/replay_source.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "codec/parameters.h"

namespace chrys {

namespace {

// Nobody wants to sit through the hours in which a camera was away.
constexpr int64_t kMaxGapUs = 2'000'000;
// What is this late (the machine slept) goes on from now instead of racing.
constexpr int64_t kMaxLagUs = 1'000'000;

}  // namespace

ReplaySource::ReplaySource(ReplayOptions options, Interrupt& interrupt)
    : options_(std::move(options)), interrupt_(interrupt) {}

std::optional<Failure> ReplaySource::Open() {
  Rewind();
  if (!LoadNext()) return Failure{end::kNotFound, "nothing is recorded of that time"};
  return std::nullopt;
}

void ReplaySource::Rewind() {
  past_.emplace(PacketRingView{}, options_.segments, false);
  row_.emplace(kMaxGapUs);
  wanted_ = 0;
  loop_offset_ = loop_end_;
}

bool ReplaySource::LoadNext() {
  while (past_->Next(wanted_) == HistoryPackets::Step::kView) {
    wanted_ = past_->end();
    const SegmentStream& stream = *past_->stream();
    if (!codec_name_.empty() && stream.codec_name != codec_name_) continue;
    const PacketRingView& view = past_->view();
    packets_.clear();
    for (int64_t sequence = view.header().firstSequence.load(); sequence < past_->end(); ++sequence) {
      const auto info = ReadPacketInfo(view, sequence);
      if (!info || info->arrival_us > options_.to_us) break;
      // The groups before the one that holds the beginning are not played.
      if (info->is_keyframe && info->arrival_us <= options_.from_us) packets_.clear();
      packets_.push_back(*info);
    }
    if (packets_.empty() || packets_.back().arrival_us < options_.from_us) continue;
    const FrameTimes own = TimesOf(packets_, std::nullopt);
    times_ = row_->Add(packets_, own.duration);
    next_ = 0;
    if (parameters_) return true;
    codec_name_ = stream.codec_name;
    const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(codec_name_.c_str());
    parameters_.reset(avcodec_parameters_alloc());
    if (!parameters_ || codec == nullptr) return false;
    parameters_->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters_->codec_id = codec->id;
    parameters_->width = stream.width;
    parameters_->height = stream.height;
    return SetExtradata(parameters_.get(), stream.extradata);
  }
  return false;
}

std::optional<Failure> ReplaySource::WaitUntilDue(int64_t dts) {
  const int64_t now_us = MonotonicUs();
  const double seconds = anchor_dts_ == INT64_MIN ? 0 : static_cast<double>(dts - anchor_dts_) / kTimeRowHz;
  int64_t due_us = anchor_us_ + static_cast<int64_t>(seconds * 1e6 / options_.speed);
  if (anchor_dts_ == INT64_MIN || now_us - due_us > kMaxLagUs) {
    anchor_us_ = due_us = now_us;
    anchor_dts_ = dts;
  }
  if (!interrupt_.SleepUntil(due_us)) return Failure{end::kStopped, ""};
  return std::nullopt;
}

std::optional<Failure> ReplaySource::Read(AVPacket* packet) {
  if (next_ >= packets_.size() && !LoadNext()) {
    if (!options_.loop) return Failure{end::kReplayEnded, "the replay is over"};
    Rewind();
    if (!LoadNext()) return Failure{end::kNotFound, "nothing is left of what was recorded"};
  }
  const size_t at = next_++;
  const auto info = ReadPacket(past_->view(), packets_[at].sequence, &payload_, 0);
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
  original_ = {info->arrival_us, FrameIdOf(past_->view(), *info)};
  return std::nullopt;
}

}  // namespace chrys
