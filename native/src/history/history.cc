#include "history/history.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/atomics.h"
#include "codec/parameters.h"
#include "rings/ring_layout.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace chrys {

namespace {

size_t AlignUp(size_t bytes) { return (bytes + kCacheLine - 1) & ~(kCacheLine - 1); }

}  // namespace

History::History(const HistoryOptions& options)
    : options_(options),
      streams_(options.streams),
      past_(options.packet_ring, options.segments, options.more_segments),
      plan_(options.range) {
  shape_.device_id = options.device_id;
}

HistoryJob::Answer History::Next(uint8_t* target, size_t room) {
  while (LoadRelaxed(*options_.cancel) == 0) {
    if (substitute_ && substitute_->certain) return End(target, room);
    if (pending_ == nullptr && connection_) pending_ = decoder_.Receive();
    if (pending_ == nullptr) {
      if (Advance()) continue;
      return End(target, room);
    }
    const PacketInfo info = decoder_.InfoOf(pending_);
    const auto wanted = outstanding_.find(info.sequence);
    Answer answer;
    if (wanted != outstanding_.end() && !(options_.withhold_corrupt && (IsCorrupt(pending_) || info.is_damaged))) {
      if (substitute_) {
        Consider(pending_, info, wanted->second);
      } else {
        answer = Deliver(pending_, info, wanted->second, target, room);
      }
    }
    if (answer.kind == Answer::kTooSmall) return answer;
    pending_ = nullptr;
    if (wanted == outstanding_.end()) continue;
    outstanding_.erase(wanted);
    if (answer.kind != Answer::kEnd) return answer;
  }
  return {};
}

HistoryJob::Answer History::End(uint8_t* target, size_t room) {
  if (!failure_.empty()) {
    Answer answer;
    answer.kind = Answer::kFailed;
    answer.failure = failure_;
    return answer;
  }
  if (wants_more_) {
    Answer answer;
    answer.kind = Answer::kMore;
    return answer;
  }
  if (!substitute_) return {};
  substitute_->certain = true;
  if (!substitute_->frame) return {};
  const Answer answer = Deliver(substitute_->frame.get(), substitute_->info, substitute_->frame_id, target, room);
  if (answer.kind != Answer::kTooSmall) substitute_->frame.reset();
  return answer;
}

void History::Consider(const AVFrame* frame, const PacketInfo& info, int64_t frame_id) {
  const int64_t moment_us = options_.range.nearest_us;
  const bool nearer = !substitute_->frame ||
                      std::abs(info.arrival_us - moment_us) <= std::abs(substitute_->info.arrival_us - moment_us);
  if (nearer) {
    substitute_->frame.reset(av_frame_clone(frame));
    substitute_->info = info;
    substitute_->frame_id = frame_id;
  }
  // They come in the order in which they are shown, and nearly in that of their arrival.
  substitute_->certain = info.arrival_us >= moment_us;
}

bool History::Advance() {
  if (!failure_.empty()) return false;
  if (drained_) {
    decoder_.Reset();
    drained_ = false;
    outstanding_.clear();
  }
  if (next_ <= last_needed_) {
    FeedNext();
    return true;
  }
  if (!looked_ahead_ && !LookAhead()) return false;
  // A group that follows at once goes into the same decoder: its first frames may refer to the group before.
  const bool joins = ahead_ && ahead_->connection == connection_ && ahead_->first == group_end_ && next_ == group_end_;
  if (!joins && !outstanding_.empty()) {
    decoder_.Drain();
    drained_ = true;
    return true;
  }
  if (!ahead_) {
    if (options_.range.nearest_us < 0 || delivered_ || substitute_) return false;
    substitute_.emplace(Substitute{});  // clang 14 cannot find the default constructor of a nested class here
    plan_.WantAround();
    looked_ahead_ = false;
    return true;
  }
  const GroupPlan plan = *ahead_;
  ahead_.reset();
  looked_ahead_ = false;
  return BeginGroup(plan, joins);
}

bool History::LookAhead() {
  wants_more_ = false;
  while (!(ahead_ = plan_.Next())) {
    if (plan_.overrun()) past_.ReadMemoryAgain();
    const HistoryPackets::Step step = past_.Next(plan_.wanted());
    wants_more_ = step == HistoryPackets::Step::kMore;
    if (wants_more_) return false;
    if (step == HistoryPackets::Step::kEnd) break;
    plan_.Continue(past_.view(), past_.end());
    if (const SegmentStream* stream = past_.stream()) {
      const auto info = ReadPacketInfo(past_.view(), past_.end() - 1);
      if (info)
        streams_[info->connection] = {stream->codec_name, stream->extradata, past_.output_format(), stream->width,
                                      stream->height};
    }
  }
  looked_ahead_ = true;
  return true;
}

bool History::BeginGroup(const GroupPlan& plan, bool joins) {
  gap_pending_ = gap_pending_ || plan_.TakeLoss();
  if (plan.connection != connection_) {
    if (streams_.count(plan.connection) == 0) {
      // It ended so long ago that nobody knows its codec any more.
      gap_pending_ = true;
      return true;
    }
    if (!OpenDecoder(plan.connection)) return false;
  } else if (!joins) {
    decoder_.Reset();
  }
  next_ = plan.first;
  last_needed_ = plan.last_needed;
  group_first_ = plan.first;
  group_end_ = plan.end;
  leading_ = plan.leading;
  outstanding_.insert(plan.wanted.begin(), plan.wanted.end());
  if (joins || leading_.empty()) return true;
  if (plan.lead_in >= 0) {
    next_ = plan.lead_in;
  } else {
    GiveUpLeading();
  }
  return true;
}

void History::GiveUpLeading() {
  for (const int64_t sequence : leading_) outstanding_.erase(sequence);
  leading_.clear();
}

bool History::OpenDecoder(int32_t connection) {
  const HistoryStream& stream = streams_.at(connection);
  connection_.reset();
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(stream.codec_name.c_str());
  const AvPtr<AVCodecParameters> parameters(avcodec_parameters_alloc());
  if (codec == nullptr || !parameters) {
    failure_ = "libav knows no codec \"" + stream.codec_name + "\"";
    return false;
  }
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = codec->id;
  parameters->width = stream.width;
  parameters->height = stream.height;
  if (!SetExtradata(parameters.get(), stream.extradata)) return false;
  // One thread: history workers are as many as cores.
  if (const auto failure = decoder_.Open(parameters.get(), 1, Decoder::Threading::kSlices, options_.max_pixels)) {
    failure_ = failure->message;
    return false;
  }
  parameters_.Open(parameters.get());
  connection_ = connection;
  shape_.codec_name = stream.codec_name;
  shape_.extradata = ShownExtradata(stream.extradata.data(), stream.extradata.size());
  return true;
}

void History::FeedNext() {
  const auto info = ReadPacket(past_.view(), next_, &payload_, AV_INPUT_BUFFER_PADDING_SIZE);
  if (!info && next_ < group_first_) {
    // The group before left meanwhile.
    decoder_.Reset();
    GiveUpLeading();
    next_ = group_first_;
    return;
  }
  if (!info) {
    // What the decoder has by now is good; the rest of the group is gone.
    plan_.Overrun(next_);
    last_needed_ = next_ - 1;
    group_end_ = -1;
    return;
  }
  decoder_.SkipNonReference(outstanding_.count(next_) == 0);
  const AVPacket* packet = packet_.Over(payload_, *info);
  const auto headers = parameters_.Read(packet);
  ++next_;
  if (const auto failure = TooManyPixels(headers.coded_width, headers.coded_height, options_.max_pixels)) {
    failure_ = failure->message;
    last_needed_ = next_ - 1;
    return;
  }
  decoder_.Send(packet, *info);
}

HistoryJob::Answer History::TooLarge(PictureSize size, size_t bytes) const {
  Answer answer;
  answer.kind = Answer::kTooLarge;
  answer.failure = "a picture of " + std::to_string(size.width) + "x" + std::to_string(size.height) + " takes " +
                   std::to_string(bytes) + " bytes, and a message at most " +
                   std::to_string(options_.max_message_bytes) + ": ask for a smaller one, or for JPEG";
  return answer;
}

HistoryJob::Answer History::Deliver(const AVFrame* frame, const PacketInfo& info, int64_t frame_id, uint8_t* target,
                                    size_t room) {
  Answer answer;
  const OutputFormat& output_format = streams_.at(*connection_).output_format;
  const PictureSize shown = UprightSize(frame);
  const PictureSize size = SizeOf(output_format, shown.width, shown.height);
  const char* format = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame->format));
  shape_.width = size.width;
  shape_.height = size.height;
  shape_.format = output_format.format;
  shape_.pixel_format = format == nullptr ? "" : format;
  FrameFacts facts;
  facts.packet = info;
  facts.frame_id = frame_id;
  facts.type = TypeLetter(frame);
  facts.corrupt = IsCorrupt(frame) || facts.packet.is_damaged;
  const int64_t since_us = last_arrival_us_ > 0 ? last_arrival_us_ : plan_.begin_us();
  if (gap_pending_) facts.gap_ms = std::max<int64_t>(1, (info.arrival_us - since_us) / 1000);

  // Of a JPEG, the number of its bytes and so the head's length follows later, and is smaller.
  const size_t picture_room = PictureRoom(output_format.format, size);
  const size_t data_at = AlignUp(FrameMessageHead(shape_, facts, picture_room).size());
  answer.bytes = data_at + picture_room + kPicturePadding;
  if (data_at + picture_room > options_.max_message_bytes && output_format.format != kFormatJpeg)
    return TooLarge(size, picture_room);
  if (answer.bytes > room) {
    answer.kind = Answer::kTooSmall;
    return answer;
  }
  const auto bytes = maker_.Make(frame, output_format, size, target + data_at, picture_room);
  if (!bytes) {
    answer.kind = Answer::kFailed;
    answer.failure = "libswscale cannot convert the pixel format " + shape_.pixel_format;
    return answer;
  }
  if (data_at + *bytes > options_.max_message_bytes) return TooLarge(size, *bytes);
  const auto head = FrameMessageHead(shape_, facts, *bytes);
  std::memcpy(target + data_at - head.size(), head.data(), head.size());
  delivered_ = true;
  gap_pending_ = false;
  last_arrival_us_ = info.arrival_us;
  answer.kind = Answer::kPiece;
  answer.offset = data_at - head.size();
  answer.bytes = head.size() + *bytes;
  answer.arrival_us = info.arrival_us;
  return answer;
}

}  // namespace chrys
