#include "capture/demand_server.h"

#include <algorithm>
#include <thread>

#include "base/atomics.h"

namespace chrys {

namespace {

// Keyframes without a frame, after which the decoder counts as stuck.
constexpr int kDecodeStallKeyframes = 3;
// A catch-up with more pixels (16 frames of 1080p, about 70 ms) uses several threads. Two threads delay frames by one
// packet until the next keyframe; a third thread would double the delay.
constexpr int64_t kLongCatchUpPixels = 16LL * 1920 * 1080;
constexpr int kCatchUpThreads = 2;
// Below this frame rate (fpsMilli), callers would wait long for the next packet.
constexpr int32_t kSlowFpsMilli = 4000;
// Time since the last packet after which demand is served without the next one: while the frame rate is not known yet,
// and for cameras that are not slow. Demand of a slow camera is served at once, because it is announced only once.
constexpr int64_t kUnknownRateWaitUs = 100'000;
constexpr int64_t kUsualWaitUs = 1'000'000;

}  // namespace

DemandServer::DemandServer(const CaptureOptions& options, CaptureHost& host, PacketSource& source,
                           const PacketRingWriter& packets, const ParameterReader& parameters,
                           const Interrupt& interrupt)
    : options_(options),
      host_(host),
      control_(*options.control),
      source_(source),
      packets_(packets),
      parameters_(parameters),
      interrupt_(interrupt),
      outputs_(control_, options.frame_slots, options.max_message_bytes,
               [&host](int output, size_t bytes) { return host.AllocateFrameRing(output, bytes); }) {}

std::optional<Failure> DemandServer::Open() {
  return live_.Open(source_.parameters(), options_.decoder_threads, Decoder::Threading::kSlices, options_.max_pixels);
}

void DemandServer::Describe(const std::string& codec_name, const std::vector<uint8_t>& extradata) {
  outputs_.Describe(options_.device_id, codec_name, extradata);
}

DemandServer::Demand DemandServer::ReadDemand() {
  outputs_.Refresh();
  const int32_t filters = outputs_.filters();
  Demand demand;
  demand.snapshot = control_.snapshotWanted.load();
  demand.snapshot_wanted = demand.snapshot != LoadRelaxed(control_.snapshotDone);
  // A stream without keyframes has no picture that can be decoded alone, so every packet is decoded.
  demand.all = (filters & kFilterAll) != 0 || (filters != 0 && source_.intra_refresh());
  demand.by_interval = (filters >> kFilterFirstInterval) != 0;
  int32_t mode = filters != 0 ? kDemandKeyframes : kDemandIdle;
  if (demand.by_interval) mode = kDemandInterval;
  if (demand.all) mode = kDemandAll;
  StoreRelaxed(control_.decodingMode, mode);
  schedule_.Update(control_.intervalMs, filters);
  return demand;
}

std::optional<Failure> DemandServer::Serve(const AVPacket* packet, const PacketInfo& info) {
  current_ = info;
  const Demand demand = ReadDemand();
  // A snapshot has output 0, which callers of all frames may not use.
  is_snapshot_of_live_ = demand.snapshot_wanted && demand.all;
  if (current_.is_keyframe) {
    const double fps = LoadRelaxed(control_.fpsMilli) / 1000.0;
    const double frame_seconds = fps > 0 ? 1 / fps : 0;
    schedule_.BeginGop(SecondsOf(current_.pts), LoadRelaxed(control_.gopPackets) * frame_seconds, frame_seconds);
  }
  if (auto failure = ServeFrames(packet, demand)) return failure;
  if (auto failure = ServeSnapshot(demand)) return failure;
  if (keyframes_without_frame_ < kDecodeStallKeyframes) return std::nullopt;
  return Failure{end::kDecodeStalled,
                 "the decoder made no frame of " + std::to_string(keyframes_without_frame_) + " keyframes"};
}

std::optional<Failure> DemandServer::ServeFrames(const AVPacket* packet, const Demand& demand) {
  // A new caller of keyframes gets the keyframe of the current GOP at once.
  if ((outputs_.new_filters() & kFilterKeyframes) != 0 && !current_.is_keyframe && MissingKeyframe() > 0) {
    return demand.all || demand.by_interval ? CatchUp(false) : ServeKeyframe();
  }
  if (demand.all) return DecodeNext(packet);
  if (demand.by_interval) return ServeInterval(packet);
  if (auto failure = LeaveGop()) return failure;
  return outputs_.filters() != 0 && current_.is_keyframe ? ServeKeyframe() : std::nullopt;
}

std::optional<Failure> DemandServer::ServeBetweenPackets() {
  // If the next packet comes soon, it serves the demand. Decoding a GOP now could delay the reading of that packet, and
  // so its arrival time.
  const int32_t rate = LoadRelaxed(control_.fpsMilli);
  const int64_t wait_us = rate == 0 ? kUnknownRateWaitUs : rate < kSlowFpsMilli ? 0 : kUsualWaitUs;
  if (WallUs() - current_.arrival_us < wait_us) return std::nullopt;
  const Demand demand = ReadDemand();
  if (outputs_.new_filters() != 0) {
    if (auto failure = demand.all || demand.by_interval ? CatchUp(false) : ServeKeyframe()) return failure;
  }
  return ServeSnapshot(demand);
}

std::optional<Failure> DemandServer::ServeSnapshot(const Demand& demand) {
  if (!demand.snapshot_wanted) return std::nullopt;
  std::optional<Failure> failure;
  if (!demand.all) failure = CatchUp(true);
  control_.snapshotDone.store(demand.snapshot);
  NotifyCallers();
  return failure;
}

std::optional<Failure> DemandServer::ServeInterval(const AVPacket* packet) {
  const double seconds = SecondsOf(current_.pts);
  const bool needs_rest = schedule_.NeedsRestOfGop(seconds);
  if (!current_.is_keyframe) {
    if (!needs_rest) return LeaveGop();
    // Frames that no other refers to are decoded only when they are due themselves.
    decoder_->SkipNonReference(seconds < schedule_.NextDue());
    auto failure = DecodeNext(packet);
    decoder_->SkipNonReference(false);
    return failure;
  }
  if (needs_rest) return DecodeNext(packet);
  if (auto failure = LeaveGop()) return failure;
  const bool is_due = (outputs_.filters() & kFilterKeyframes) != 0 || schedule_.KeyframeDue(seconds);
  return is_due ? DecodeKeyframe(current_.sequence) : std::nullopt;
}

std::optional<Failure> DemandServer::ServeKeyframe() {
  const int64_t keyframe = MissingKeyframe();
  return keyframe > 0 ? DecodeKeyframe(keyframe) : std::nullopt;
}

int64_t DemandServer::MissingKeyframe() const {
  const int64_t keyframe = packets_.GopStart();
  if (keyframe == 0) return 0;
  const auto info = ReadPacketInfo(options_.packet_ring, keyframe);
  return info && outputs_.MissesKeyframe(FrameIdOf(options_.packet_ring, *info)) ? keyframe : 0;
}

std::optional<Failure> DemandServer::DecodeNext(const AVPacket* packet) {
  if (current_.is_keyframe && decoder_ == &catch_up_) {
    if (auto failure = LeaveGop()) return failure;
  }
  if (!is_gop_decoded_) {
    if (!current_.is_keyframe) return CatchUp(false);
    RestartDecoder();
    decoded_from_ = current_;
    is_gop_decoded_ = true;
  }
  if (!Feed(packet, current_)) return std::nullopt;
  return PublishReady();
}

std::optional<Failure> DemandServer::DecodeKeyframe(int64_t sequence) {
  std::vector<uint8_t> payload;
  const auto info = ReadPacket(options_.packet_ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE);
  if (!info) return std::nullopt;
  BorrowedPacket packet;
  RestartDecoder();
  is_gop_decoded_ = false;
  std::optional<Failure> failure;
  if (Feed(packet.Over(payload, *info), *info)) {
    // Draining delivers the frame now. A decoder that reorders would deliver it some packets later.
    decoder_->Drain();
    failure = PublishReady();
  }
  RestartDecoder();
  return failure;
}

std::optional<Failure> DemandServer::CatchUp(bool snapshot) {
  const int64_t first = source_.intra_refresh() ? packets_.PreviousGopStart() : packets_.GopStart();
  if (first == 0) return std::nullopt;
  if (auto failure = RestartForCatchUp(current_.sequence - first + 1)) return failure;
  BorrowedPacket packet;
  std::vector<uint8_t> payload;
  const AvPtr<AVFrame> newest(av_frame_alloc());
  for (int64_t sequence = first; sequence <= current_.sequence; ++sequence) {
    if (interrupt_.stopped()) return Failure{end::kStopped, ""};
    const auto info = ReadPacket(options_.packet_ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE);
    if (!info) return std::nullopt;
    if (sequence == first) decoded_from_ = *info;
    if (!Feed(packet.Over(payload, *info), *info)) continue;
    if (auto failure = TakeNewest(newest.get())) return failure;
  }
  if (snapshot) {
    decoder_->Drain();
    if (auto failure = TakeNewest(newest.get())) return failure;
  }
  std::optional<Failure> failure;
  if (newest->buf[0] != nullptr) failure = Publish(newest.get(), snapshot ? Purpose::kSnapshot : Purpose::kNewest);
  if (snapshot) RestartDecoder();
  is_gop_decoded_ = !snapshot;
  return failure;
}

std::optional<Failure> DemandServer::TakeNewest(AVFrame* newest) {
  while (const AVFrame* frame = TakeFrame()) {
    const PacketInfo& info = decoder_->InfoOf(frame);
    if (LacksReference(info)) continue;
    av_frame_unref(newest);
    av_frame_ref(newest, frame);
    if (!info.is_keyframe || (outputs_.filters() & kFilterKeyframes) == 0) continue;
    // Callers of the newest frame must not get this one instead.
    if (auto failure = Publish(frame, Purpose::kKeyframe)) return failure;
  }
  return std::nullopt;
}

bool DemandServer::LacksReference(const PacketInfo& packet) const {
  return packet.connection == decoded_from_.connection && packet.keyframe_count == decoded_from_.keyframe_count &&
         packet.pts < decoded_from_.pts;
}

void DemandServer::RestartDecoder() {
  if (decoder_ == &catch_up_) {
    catch_up_.Close();
    decoder_ = &live_;
  }
  live_.Reset();
}

std::optional<Failure> DemandServer::RestartForCatchUp(int64_t packets) {
  RestartDecoder();
  const int threads = std::min(kCatchUpThreads, static_cast<int>(std::thread::hardware_concurrency()));
  if (threads < 2 || packets * parameters_.width * parameters_.height < kLongCatchUpPixels) return std::nullopt;
  if (auto failure = catch_up_.Open(source_.parameters(), threads, Decoder::Threading::kFrames, options_.max_pixels)) {
    return failure;
  }
  decoder_ = &catch_up_;
  return std::nullopt;
}

std::optional<Failure> DemandServer::LeaveGop() {
  if (!is_gop_decoded_) return std::nullopt;
  is_gop_decoded_ = false;
  if (decoder_->delay() == 0) return std::nullopt;
  decoder_->Drain();
  return PublishReady();
}

bool DemandServer::Feed(const AVPacket* packet, const PacketInfo& info) {
  const int64_t start_us = MonotonicUs();
  const bool accepted = decoder_->Send(packet, info);
  AddRelaxed(control_.decodeUs, MonotonicUs() - start_us);
  if (!accepted) AddRelaxed(control_.decodeErrors, 1);
  if (info.is_keyframe && !info.is_hidden) ++keyframes_without_frame_;
  return accepted;
}

const AVFrame* DemandServer::TakeFrame() {
  const int64_t start_us = MonotonicUs();
  const AVFrame* frame = decoder_->Receive();
  AddRelaxed(control_.decodeUs, MonotonicUs() - start_us);
  if (frame != nullptr) {
    AddRelaxed(control_.framesDecoded, 1);
    keyframes_without_frame_ = 0;
  }
  return frame;
}

std::optional<Failure> DemandServer::PublishReady() {
  while (const AVFrame* frame = TakeFrame()) {
    if (LacksReference(decoder_->InfoOf(frame))) continue;
    if (auto failure = Publish(frame, Purpose::kLive)) return failure;
  }
  return std::nullopt;
}

std::optional<Failure> DemandServer::Publish(const AVFrame* frame, Purpose purpose) {
  FrameFacts facts;
  facts.packet = decoder_->InfoOf(frame);
  facts.frame_id = FrameIdOf(options_.packet_ring, facts.packet);
  facts.type = TypeLetter(frame);
  facts.corrupt = IsCorrupt(frame) || facts.packet.is_damaged;
  // The picture is incomplete until the first intra refresh has ended.
  const bool is_incomplete =
      source_.intra_refresh() && !facts.packet.is_damaged && (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
  if (is_incomplete) return std::nullopt;
  const bool keyframe = facts.packet.is_keyframe;
  int32_t filters = keyframe ? kFilterKeyframes : 0;
  if (purpose != Purpose::kKeyframe) filters |= kFilterAll | schedule_.Take(SecondsOf(facts.packet.pts), keyframe);

  const int64_t start_us = MonotonicUs();
  const bool to_first = purpose == Purpose::kSnapshot || (is_snapshot_of_live_ && purpose != Purpose::kKeyframe);
  const Outputs::Result result = outputs_.Publish(frame, facts, filters, LoadRelaxed(control_.keyframeCount), to_first);
  AddRelaxed(control_.convertUs, MonotonicUs() - start_us);
  if (result.failure) return result.failure;
  if (result.published > 0) {
    CountPublished(frame, facts);
    NotifyCallers();
    return std::nullopt;
  }
  if (result.refused > 0 && purpose == Purpose::kLive) AddRelaxed(control_.framesDropped, 1);
  // Waiting callers must learn that their picture is too large.
  if (result.too_large > 0) NotifyCallers();
  return std::nullopt;
}

void DemandServer::CountPublished(const AVFrame* frame, const FrameFacts& facts) {
  AddRelaxed(control_.framesPublished, 1);
  if (facts.corrupt) AddRelaxed(control_.framesCorrupt, 1);
  const PictureSize shown = UprightSize(frame);
  StoreRelaxed(control_.width, shown.width);
  StoreRelaxed(control_.height, shown.height);
  StoreRelaxed(control_.lastFrameMs, facts.packet.arrival_us / 1000);
  StoreRelaxed(control_.decoderDelay, decoder_->delay());
  if (facts.frame_id > LoadRelaxed(control_.newestFrameId)) control_.newestFrameId.store(facts.frame_id);
}

void DemandServer::NotifyCallers() {
  control_.frameEvent.fetch_add(1);
  if (control_.frameWaiters.load() > 0) host_.OnFrame();
}

double DemandServer::SecondsOf(int64_t pts) const { return static_cast<double>(pts) * av_q2d(source_.time_base()); }

}  // namespace chrys
