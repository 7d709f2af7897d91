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
      packets_(options.packet_ring, options.segments, options.more_segments),
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
    const auto selected = outstanding_.find(info.sequence);
    Answer answer;
    if (selected != outstanding_.end() && !(options_.withhold_corrupt && (IsCorrupt(pending_) || info.is_damaged))) {
      if (substitute_) {
        Consider(pending_, info, selected->second);
      } else {
        answer = Deliver(pending_, info, selected->second, target, room);
      }
    }
    if (answer.kind == Answer::kTooSmall) return answer;
    pending_ = nullptr;
    if (selected == outstanding_.end()) continue;
    outstanding_.erase(selected);
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
  if (needs_segments_) {
    Answer answer;
    answer.kind = Answer::kMore;
    return answer;
  }
  if (!substitute_) return {};
  substitute_->certain = true;
  if (!substitute_->frame) return {};
  Answer answer = Deliver(substitute_->frame.get(), substitute_->info, substitute_->frame_id, target, room);
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
  // Frames come in display order, which is nearly the order of arrival.
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
  // A GOP that follows directly continues in the decoder, because its first frames may refer to the previous GOP.
  const bool joins = ahead_ && ahead_->connection == connection_ && ahead_->first == gop_end_ && next_ == gop_end_;
  if (!joins && !outstanding_.empty()) {
    decoder_.Drain();
    drained_ = true;
    return true;
  }
  if (!ahead_) {
    if (options_.range.nearest_us < 0 || delivered_ || substitute_) return false;
    substitute_.emplace(Substitute{});  // clang 14 does not find the nested class's default constructor
    plan_.SelectNeighbours();
    looked_ahead_ = false;
    return true;
  }
  const GopPlan plan = *ahead_;
  ahead_.reset();
  looked_ahead_ = false;
  return BeginGop(plan, joins);
}

bool History::LookAhead() {
  needs_segments_ = false;
  while (!(ahead_ = plan_.Next())) {
    if (plan_.overrun()) packets_.ReadMemoryAgain();
    const HistoryPackets::Step step = packets_.Next(plan_.next_sequence());
    needs_segments_ = step == HistoryPackets::Step::kMore;
    if (needs_segments_) return false;
    if (step == HistoryPackets::Step::kEnd) break;
    plan_.Continue(packets_.view(), packets_.end());
    if (const SegmentStream* stream = packets_.stream()) {
      const auto info = ReadPacketInfo(packets_.view(), packets_.end() - 1);
      if (info)
        streams_[info->connection] = {stream->codec_name, stream->extradata, packets_.output_format(), stream->width,
                                      stream->height};
    }
  }
  looked_ahead_ = true;
  return true;
}

bool History::BeginGop(const GopPlan& plan, bool joins) {
  gap_pending_ = gap_pending_ || plan_.TakeLoss();
  if (plan.connection != connection_) {
    if (streams_.count(plan.connection) == 0) {
      // The connection ended so long ago that its codec is not known any more.
      gap_pending_ = true;
      return true;
    }
    if (const auto error = OpenDecoder(plan.connection)) {
      failure_ = error->message;
      return false;
    }
  } else if (!joins) {
    decoder_.Reset();
  }
  next_ = plan.first;
  last_needed_ = plan.last_needed;
  gop_first_ = plan.first;
  gop_end_ = plan.end;
  leading_ = plan.leading;
  outstanding_.insert(plan.frame_ids.begin(), plan.frame_ids.end());
  if (joins || leading_.empty()) return true;
  if (plan.lead_in >= 0) {
    next_ = plan.lead_in;
  } else {
    DropLeading();
  }
  return true;
}

void History::DropLeading() {
  for (const int64_t sequence : leading_) outstanding_.erase(sequence);
  leading_.clear();
}

std::optional<Error> History::OpenDecoder(int32_t connection) {
  const HistoryStream& stream = streams_.at(connection);
  connection_.reset();
  const auto parameters = MakeVideoParameters(stream.codec_name, stream.width, stream.height, stream.extradata);
  if (!parameters) return parameters.error();
  // One thread, because there are as many history workers as cores.
  const auto failure = decoder_.Open(parameters->get(), 1, Decoder::Threading::kSlices, options_.max_pixels);
  if (failure) return Error{failure->message};
  parameters_.Open(parameters->get());
  connection_ = connection;
  shape_.codec_name = stream.codec_name;
  shape_.extradata = ShownExtradata(stream.extradata.data(), stream.extradata.size());
  return std::nullopt;
}

void History::FeedNext() {
  const auto info = ReadPacket(packets_.view(), next_, &payload_, AV_INPUT_BUFFER_PADDING_SIZE);
  if (!info && next_ < gop_first_) {
    // The previous GOP was overwritten meanwhile.
    decoder_.Reset();
    DropLeading();
    next_ = gop_first_;
    return;
  }
  if (!info) {
    // The frames decoded so far are good. The rest of the GOP was overwritten.
    plan_.Overrun(next_);
    last_needed_ = next_ - 1;
    gop_end_ = -1;
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
  answer.failure = "A picture of " + std::to_string(size.width) + "x" + std::to_string(size.height) + " has " +
                   std::to_string(bytes) + " bytes, but a message at most " +
                   std::to_string(options_.max_message_bytes) + ": ask for a smaller one, or for JPEG.";
  return answer;
}

FrameFacts History::FactsOf(const AVFrame* frame, const PacketInfo& info, int64_t frame_id) const {
  FrameFacts facts;
  facts.packet = info;
  facts.frame_id = frame_id;
  facts.type = TypeLetter(frame);
  facts.corrupt = IsCorrupt(frame) || info.is_damaged;
  const int64_t since_us = last_arrival_us_ > 0 ? last_arrival_us_ : plan_.begin_us();
  if (gap_pending_) facts.gap_ms = std::max<int64_t>(1, (info.arrival_us - since_us) / 1000);
  return facts;
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
  const FrameFacts facts = FactsOf(frame, info, frame_id);

  // The head of a JPEG gets shorter later, when its number of bytes is known.
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
    answer.failure = bytes.error().message;
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
