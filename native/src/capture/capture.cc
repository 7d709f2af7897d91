#include "capture/capture.h"

#include <algorithm>
#include <cmath>
#include <thread>

extern "C" {
#include <libavutil/mathematics.h>
#include <libavutil/pixdesc.h>
}

#include "base/atomics.h"
#include "base/clock_jump.h"

namespace chrys {

namespace {

// Keyframes that the decoder may swallow without giving a frame before it counts as stuck.
constexpr int kDecodeStallKeyframes = 3;
// Packets of a connection before its rate is told without a whole group of pictures.
constexpr int64_t kRateMinPackets = 10;
// Catching up with more than this many pixels (16 frames of 1080p, some 70 ms) is shared among threads. Two: frames
// come one packet later until the next keyframe, and a third thread would make that two.
constexpr int64_t kLongCatchUpPixels = 16LL * 1920 * 1080;
constexpr int kCatchUpThreads = 2;
// A camera with fewer frames per second leaves a caller waiting until its next packet; fpsMilli.
constexpr int32_t kSlowFpsMilli = 4000;
// Time since the last packet before demand is served without waiting for the next one: for slow cameras, and for the
// others.
constexpr int64_t kSoonUs = 100'000;
constexpr int64_t kOverdueUs = 1'000'000;
// Clients name frames by their arrival in milliseconds, so two frames should not have the same one.
constexpr int64_t kMinArrivalStepUs = 1000;
constexpr int64_t kMaxArrivalAheadUs = 20'000;

// Numbers of connections only need to differ, as the sequence of the next packet does. Those of different lives of a
// camera must differ as well, since what is recorded outlives them: their sequences begin 2^33 apart.
int32_t ConnectionOf(int64_t next_sequence) {
  return static_cast<int32_t>((next_sequence + (next_sequence >> 33) * 0x2545f491) & 0x7fffffff);
}

std::unique_ptr<PacketSource> SourceOf(const CaptureOptions& options, Interrupt& interrupt) {
  if (options.replay) return std::make_unique<ReplaySource>(*options.replay, interrupt);
  if (options.file) return std::make_unique<FileSource>(*options.file, interrupt);
  return std::make_unique<rtsp::RtspSource>(*options.rtsp, options.control->stop, options.wake_fd);
}

}  // namespace

Capture::Capture(const CaptureOptions& options, CaptureHost& host)
    : options_(options),
      host_(host),
      control_(*options.control),
      log_(options.log_level),
      interrupt_(control_.stop),
      source_(SourceOf(options, interrupt_)),
      packets_(options.packet_ring),
      outputs_(control_, options.frame_slots, options.max_message_bytes,
               [this](int output, size_t bytes) { return host_.AllocateFrameRing(output, bytes); }) {
  if (options.audio_ring.base != nullptr) audio_packets_.emplace(options.audio_ring);
  if (options.rtsp) learned_told_ = options.rtsp->learned;
}

void Capture::ReportLearned() {
  const Learned* learned = source_->learned();
  if (learned == nullptr || *learned == learned_told_) return;
  learned_told_ = *learned;
  host_.OnLearned(learned_told_);
}

void Capture::CloseSource() {
  // The main thread lets a removed camera finish in the background, but a process that ends does not wait.
  constexpr int64_t kShutdownUs = 300'000;
  const bool hurry = control_.stop.load() > 1;
  source_->Close(hurry ? std::min(kShutdownUs, options_.teardown_us) : options_.teardown_us);
  ReportLearned();
}

void Capture::FlushLog() {
  for (std::string& note : source_->TakeNotes()) host_.OnLog({AV_LOG_WARNING, std::move(note)});
  if (log_.empty()) return;
  for (const LogLine& line : log_.Take()) host_.OnLog(line);
}

Failure Capture::Run() {
  Failure failure = RunUntilEnd();
  options_.packet_ring.header().openConnection.store(0);
  control_.connected.store(0);
  control_.decodingMode.store(kDemandIdle);
  FlushLog();
  CloseSource();
  return failure;
}

Failure Capture::RunUntilEnd() {
  if (auto failure = source_->Open()) return *failure;
  const AVCodecParameters* parameters = source_->parameters();
  if (auto failure =
          live_.Open(parameters, options_.decoder_threads, Decoder::Threading::kSlices, options_.max_pixels)) {
    return *failure;
  }
  parameters_.Open(parameters);
  current_.connection = ConnectionOf(LoadRelaxed(options_.packet_ring.header().nextSequence));
  current_.time_base_num = source_->time_base().num;
  current_.time_base_den = std::max(1, source_->time_base().den);
  control_.connectionKeyframeCount.store(0);
  StoreRelaxed(options_.packet_ring.header().declaredReorder, live_.delay());
  options_.packet_ring.header().openConnection.store(current_.connection);
  control_.connected.store(1);
  StoreRelaxed(control_.stallLimitMs, static_cast<int32_t>(source_->stall_limit_us() / 1000));
  ReportLearned();
  FlushLog();

  const AvPtr<AVPacket> packet(av_packet_alloc());
  for (;;) {
    if (auto failure = source_->Read(packet.get())) return *failure;
    if (packet->size == 0) {
      if (auto failure = ServeWhileIdle()) return *failure;
      continue;
    }
    if (auto failure = Store(packet.get())) return *failure;
    StoreAudio();
    if (auto failure = Serve(packet.get())) return *failure;
    FlushLog();
    av_packet_unref(packet.get());
  }
}

std::optional<Failure> Capture::Store(AVPacket* packet) {
  ParameterReader::Answer headers;
  headers.is_keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  if (NeedsReading(headers.is_keyframe)) headers = parameters_.Read(packet);
  if (source_->marks_keyframes()) headers.is_keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  // Checked before the decoder sees the packet, so that no memory is taken for the picture.
  if (auto failure = TooManyPixels(headers.coded_width, headers.coded_height, options_.max_pixels)) return failure;
  const PacketSource::CodedSize coded = source_->coded_size();
  if (auto failure = TooManyPixels(coded.width, coded.height, options_.max_pixels)) return failure;
  // With the first packet and not when the session opens: before, a camera may be silent, and its size is not known.
  if (IsNewStream(headers)) ReportStream();
  const bool keyframe = headers.is_keyframe;
  if (keyframe) {
    ReportLearned();
    StoreRelaxed(control_.stallLimitMs, static_cast<int32_t>(source_->stall_limit_us() / 1000));
    packet->flags |= AV_PKT_FLAG_KEY;
    ++keyframe_count_;
    AddRelaxed(control_.keyframeCount, 1);
    StoreRelaxed(control_.connectionKeyframeCount, keyframe_count_);
  }
  MeasureRate(packet);
  gop_index_ = keyframe ? 0 : gop_index_ + 1;
  const int64_t now_us = WallUs();
  const double pts_step_us = (SecondsOf(packet->pts) - SecondsOf(current_.pts)) * 1e6;
  if (IsClockJump(std::llround(pts_step_us), now_us - current_.arrival_us)) schedule_.Restart();
  current_.pts = packet->pts;
  current_.dts = packet->dts;
  current_.arrival_us = now_us;
  current_.sender_us = source_->SenderUs(packet->pts);
  const PacketSource::Original original = source_->original();
  current_.original_us = original.arrival_us;
  current_.original_id = original.frame_id;
  current_.keyframe_count = keyframe_count_;
  current_.gop_index = std::max(0, gop_index_);
  current_.size = packet->size;
  current_.is_keyframe = keyframe;
  current_.is_damaged = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
  if (current_.is_damaged) AddRelaxed(control_.packetsDamaged, 1);
  current_.is_hidden = (packet->flags & AV_PKT_FLAG_DISCARD) != 0;
  current_.sequence = packets_.Write(current_, packet->data);
  AddRelaxed(control_.packets, 1);
  AddRelaxed(control_.bytes, packet->size);
  StoreRelaxed(control_.lastPacketMs, current_.arrival_us / 1000);
  control_.packetSequence.store(current_.sequence);
  control_.packetEvent.fetch_add(1);
  if (control_.packetWaiters.load() > 0) host_.OnPacket();
  ReportLimit();
  return std::nullopt;
}

void Capture::StoreAudio() {
  if (!audio_packets_) return;
  for (const AudioPacket& packet : source_->TakeAudio()) {
    PacketInfo info;
    info.pts = info.dts = packet.pts;
    info.time_base_num = packet.time_base.num;
    info.time_base_den = packet.time_base.den;
    info.arrival_us = current_.arrival_us;
    info.connection = current_.connection;
    info.size = static_cast<int32_t>(packet.data.size());
    info.is_keyframe = true;
    audio_packets_->Write(info, packet.data.data());
  }
}

void Capture::ReportLimit() {
  const bool limited = packets_.limited();
  StoreRelaxed(control_.bufferLimited, limited ? 1 : 0);
  if (!limited || limit_told_) return;
  limit_told_ = true;
  host_.OnLog({AV_LOG_WARNING, "the memory for past frames is full with " + std::to_string(packets_.kept()) +
                                   " frames, fewer than buffer.in_memory asks for: raise buffer.in_memory_max_bytes or "
                                   "lower buffer.in_memory"});
}

// Pictures that one read brought arrived in the same moment. They get arrivals 1 ms apart, as long as that moves none
// of them by more than 20 ms.
int64_t Capture::NextArrivalUs() const {
  const int64_t now_us = WallUs();
  const int64_t next_us = current_.arrival_us + kMinArrivalStepUs;
  return next_us <= now_us + kMaxArrivalAheadUs ? std::max(now_us, next_us) : now_us;
}

double Capture::SecondsOf(int64_t pts) const { return static_cast<double>(pts) * av_q2d(source_->time_base()); }

void Capture::MeasureRate(const AVPacket* packet) {
  const double tick_seconds = av_q2d(source_->time_base());
  const bool keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  ++packets_since_connect_;
  const bool measurable = !group_hidden_;
  if (keyframe) group_hidden_ = false;
  if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) {
    group_hidden_ = true;
    if (keyframe) gop_first_pts_ = INT64_MIN;
    return;
  }
  ++rate_packets_;
  if (first_pts_ == INT64_MIN) first_pts_ = packet->pts;
  double fps = 0;
  if (keyframe && !measurable) {
    gop_first_pts_ = packet->pts;
  } else if (keyframe) {
    const int64_t ticks = gop_first_pts_ == INT64_MIN ? 0 : packet->pts - gop_first_pts_;
    if (ticks > 0) {
      StoreRelaxed(control_.gopPackets, gop_index_ + 1);
      fps = (gop_index_ + 1) / (static_cast<double>(ticks) * tick_seconds);
    }
    gop_first_pts_ = packet->pts;
  } else if (LoadRelaxed(control_.gopPackets) == 0 && rate_packets_ >= kRateMinPackets) {
    const int64_t ticks = packet->pts - first_pts_;
    if (ticks > 0) fps = static_cast<double>(rate_packets_ - 1) / (static_cast<double>(ticks) * tick_seconds);
  }
  if (fps > 0 && fps < 1e6) StoreRelaxed(control_.fpsMilli, static_cast<int32_t>(fps * 1000 + 0.5));
}

bool Capture::IsNewStream(const ParameterReader::Answer& headers) const {
  if (headers.changed || packets_since_connect_ == 0) return true;
  if (!audio_told_ && source_->audio() != nullptr) return true;
  return headers.is_keyframe && !IsExtradataTold();
}

bool Capture::NeedsReading(bool keyframe) const {
  if (!source_->marks_keyframes() || packets_since_connect_ == 0) return true;
  // The reader says the same of the same parameter sets, and takes 100 us for that.
  const bool has_same_sets = HasParameterSets(source_->parameters()->codec_id) && !source_->intra_refresh() &&
                             parameters_.width > 0 && !extradata_told_.empty() && IsExtradataTold();
  return keyframe && !has_same_sets;
}

bool Capture::IsExtradataTold() const {
  const AVCodecParameters* parameters = source_->parameters();
  const auto size = static_cast<size_t>(std::max(0, parameters->extradata_size));
  return size == extradata_told_.size() &&
         std::equal(extradata_told_.begin(), extradata_told_.end(), parameters->extradata);
}

void Capture::ReportStream() {
  const AVCodecParameters* parameters = source_->parameters();
  const auto size = static_cast<size_t>(std::max(0, parameters->extradata_size));
  extradata_told_.assign(parameters->extradata, parameters->extradata + size);
  outputs_.Describe(options_.device_id, avcodec_get_name(parameters->codec_id),
                    ShownExtradata(parameters->extradata, size));
  audio_told_ = source_->audio() != nullptr;
  host_.OnStream({current_.connection, source_->parameters(), source_->time_base(), source_->declared_fps(),
                  parameters_.width, parameters_.height, parameters_.format, parameters_.profile, source_->audio()});
}

Capture::Demand Capture::ReadDemand() {
  outputs_.Refresh();
  const int32_t filters = outputs_.filters();
  Demand demand;
  demand.snapshot = control_.snapshotWanted.load();
  demand.snapshot_wanted = demand.snapshot != LoadRelaxed(control_.snapshotDone);
  // Without keyframes no picture can be decoded alone. So every packet is decoded, whatever callers want.
  demand.all = (filters & kFilterAll) != 0 || (filters != 0 && source_->intra_refresh());
  demand.by_interval = (filters >> kFilterFirstInterval) != 0;
  StoreRelaxed(control_.decodingMode, demand.all           ? kDemandAll
                                      : demand.by_interval ? kDemandInterval
                                      : filters != 0       ? kDemandKeyframes
                                                           : kDemandIdle);
  schedule_.Update(control_.intervalMs, filters);
  return demand;
}

// Between two packets: a camera with a picture every few seconds has its newest one in memory.
std::optional<Failure> Capture::ServeWhileIdle() {
  if (packets_since_connect_ == 0) return std::nullopt;
  // Where the next packet comes soon, it serves the demand. Decoding a group now could delay the reading of that
  // packet, and so its arrival time.
  const bool is_slow = LoadRelaxed(control_.fpsMilli) < kSlowFpsMilli;
  if (WallUs() - current_.arrival_us < (is_slow ? kSoonUs : kOverdueUs)) return std::nullopt;
  const Demand demand = ReadDemand();
  std::optional<Failure> failure;
  if (outputs_.new_filters() != 0) {
    failure = demand.all || demand.by_interval ? CatchUp(false) : ServeKeyframe();
  }
  return failure ? failure : ServeSnapshot(demand);
}

std::optional<Failure> Capture::ServeSnapshot(const Demand& demand) {
  if (!demand.snapshot_wanted) return std::nullopt;
  std::optional<Failure> failure;
  if (!demand.all) failure = CatchUp(true);
  control_.snapshotDone.store(demand.snapshot);
  Announce();
  return failure;
}

std::optional<Failure> Capture::Serve(const AVPacket* packet) {
  const Demand demand = ReadDemand();
  const bool all = demand.all;
  const bool by_interval = demand.by_interval;
  // A caller of every frame may have another output format than a snapshot.
  snapshot_of_live_ = demand.snapshot_wanted && all;
  if (current_.is_keyframe) {
    const double fps = LoadRelaxed(control_.fpsMilli) / 1000.0;
    const double frame_seconds = fps > 0 ? 1 / fps : 0;
    schedule_.BeginGroup(SecondsOf(current_.pts), LoadRelaxed(control_.gopPackets) * frame_seconds, frame_seconds);
  }

  std::optional<Failure> failure;
  // A keyframe caller that comes in mid-group gets the group's keyframe at once.
  if ((outputs_.new_filters() & kFilterKeyframes) != 0 && !current_.is_keyframe && MissingKeyframe() > 0) {
    failure = all || by_interval ? CatchUp(false) : ServeKeyframe();
  } else if (all) {
    failure = DecodeNext(packet);
  } else if (by_interval) {
    failure = ServeInterval(packet);
  } else {
    failure = LeaveGroup();
    if (!failure && outputs_.filters() != 0 && current_.is_keyframe) failure = ServeKeyframe();
  }
  if (failure) return failure;
  failure = ServeSnapshot(demand);
  if (!failure && keyframes_without_frame_ >= kDecodeStallKeyframes) {
    return Failure{end::kDecodeStalled,
                   "the decoder made no frame of " + std::to_string(keyframes_without_frame_) + " keyframes"};
  }
  return failure;
}

std::optional<Failure> Capture::ServeInterval(const AVPacket* packet) {
  const double seconds = SecondsOf(current_.pts);
  const bool rest = schedule_.NeedsRestOfGroup(seconds);
  if (!current_.is_keyframe) {
    if (!rest) return LeaveGroup();
    // Frames that no other is made from need not be decoded unless they are due themselves.
    decoder_->SkipNonReference(seconds < schedule_.NextDue());
    auto failure = DecodeNext(packet);
    decoder_->SkipNonReference(false);
    return failure;
  }
  if (rest) return DecodeNext(packet);
  if (auto failure = LeaveGroup()) return failure;
  const bool wanted = (outputs_.filters() & kFilterKeyframes) != 0 || schedule_.KeyframeDue(seconds);
  return wanted ? DecodeKeyframe(current_.sequence) : std::nullopt;
}

int64_t Capture::MissingKeyframe() const {
  const int64_t keyframe = packets_.GroupStart();
  if (keyframe == 0) return 0;
  const auto info = ReadPacketInfo(options_.packet_ring, keyframe);
  return info && outputs_.MissesKeyframe(FrameIdOf(options_.packet_ring, *info)) ? keyframe : 0;
}

std::optional<Failure> Capture::ServeKeyframe() {
  const int64_t keyframe = MissingKeyframe();
  return keyframe > 0 ? DecodeKeyframe(keyframe) : std::nullopt;
}

std::optional<Failure> Capture::DecodeNext(const AVPacket* packet) {
  if (current_.is_keyframe && decoder_ == &catch_up_) {
    if (auto failure = LeaveGroup()) return failure;
  }
  if (!group_decoded_) {
    if (!current_.is_keyframe) return CatchUp(false);
    RestartDecoder();
    decoded_from_ = current_;
    group_decoded_ = true;
  }
  if (!Feed(packet, current_)) return std::nullopt;
  return PublishReady();
}

bool Capture::LacksReference(const PacketInfo& packet) const {
  return packet.connection == decoded_from_.connection && packet.keyframe_count == decoded_from_.keyframe_count &&
         packet.pts < decoded_from_.pts;
}

std::optional<Failure> Capture::PublishReady() {
  while (const AVFrame* frame = TakeFrame()) {
    if (LacksReference(decoder_->InfoOf(frame))) continue;
    if (auto failure = Publish(frame, Purpose::kLive)) return failure;
  }
  return std::nullopt;
}

// The rest of the group is not wanted; what the decoder still holds back of it may be.
std::optional<Failure> Capture::LeaveGroup() {
  if (!group_decoded_) return std::nullopt;
  group_decoded_ = false;
  if (decoder_->delay() == 0) return std::nullopt;
  decoder_->Drain();
  return PublishReady();
}

bool Capture::Feed(const AVPacket* packet, const PacketInfo& info) {
  const int64_t start_us = MonotonicUs();
  const bool accepted = decoder_->Send(packet, info);
  AddRelaxed(control_.decodeUs, MonotonicUs() - start_us);
  if (!accepted) AddRelaxed(control_.decodeErrors, 1);
  if (info.is_keyframe && !info.is_hidden) ++keyframes_without_frame_;
  return accepted;
}

const AVFrame* Capture::TakeFrame() {
  const int64_t start_us = MonotonicUs();
  const AVFrame* frame = decoder_->Receive();
  AddRelaxed(control_.decodeUs, MonotonicUs() - start_us);
  if (frame != nullptr) {
    AddRelaxed(control_.framesDecoded, 1);
    keyframes_without_frame_ = 0;
  }
  return frame;
}

std::optional<Failure> Capture::DecodeKeyframe(int64_t sequence) {
  std::vector<uint8_t> payload;
  const auto info = ReadPacket(options_.packet_ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE);
  if (!info) return std::nullopt;
  BorrowedPacket packet;
  RestartDecoder();
  group_decoded_ = false;
  std::optional<Failure> failure;
  if (Feed(packet.Over(payload, *info), *info)) {
    // Draining makes a decoder that reorders give the frame now and not some packets later.
    decoder_->Drain();
    failure = PublishReady();
  }
  RestartDecoder();
  return failure;
}

void Capture::RestartDecoder() {
  if (decoder_ == &catch_up_) {
    catch_up_.Close();
    decoder_ = &live_;
  }
  live_.Reset();
}

std::optional<Failure> Capture::RestartForCatchUp(int64_t packets) {
  RestartDecoder();
  const int threads = std::min(kCatchUpThreads, static_cast<int>(std::thread::hardware_concurrency()));
  if (threads < 2 || packets * parameters_.width * parameters_.height < kLongCatchUpPixels) return std::nullopt;
  if (auto failure = catch_up_.Open(source_->parameters(), threads, Decoder::Threading::kFrames, options_.max_pixels)) {
    return failure;
  }
  decoder_ = &catch_up_;
  return std::nullopt;
}

std::optional<Failure> Capture::CatchUp(bool drain) {
  const int64_t first = source_->intra_refresh() ? packets_.PreviousGroupStart() : packets_.GroupStart();
  if (first == 0) return std::nullopt;
  if (auto failure = RestartForCatchUp(current_.sequence - first + 1)) return failure;
  BorrowedPacket packet;
  std::vector<uint8_t> payload;
  const AvPtr<AVFrame> newest(av_frame_alloc());
  std::optional<Failure> failure;
  const auto take = [&] {
    while (const AVFrame* frame = TakeFrame()) {
      if (LacksReference(decoder_->InfoOf(frame))) continue;
      // Of the group so far only its keyframe (for keyframe callers) and its newest frame are worth converting.
      if (decoder_->InfoOf(frame).is_keyframe && (outputs_.filters() & kFilterKeyframes) != 0) {
        // Whoever wants the newest frame must not get this one instead.
        failure = Publish(frame, Purpose::kKeyframe);
      }
      av_frame_unref(newest.get());
      av_frame_ref(newest.get(), frame);
      if (failure) return;
    }
  };
  for (int64_t sequence = first; sequence <= current_.sequence && !failure; ++sequence) {
    if (interrupt_.stopped()) return Failure{end::kStopped, ""};
    const auto info = ReadPacket(options_.packet_ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE);
    if (!info) return std::nullopt;
    if (sequence == first) decoded_from_ = *info;
    if (Feed(packet.Over(payload, *info), *info)) take();
  }
  if (drain && !failure) {
    decoder_->Drain();
    take();
  }
  if (failure) return failure;
  if (newest->buf[0] != nullptr) failure = Publish(newest.get(), drain ? Purpose::kSnapshot : Purpose::kNewest);
  if (drain) RestartDecoder();
  group_decoded_ = !drain;
  return failure;
}

void Capture::Announce() {
  control_.frameEvent.fetch_add(1);
  if (control_.frameWaiters.load() > 0) host_.OnFrame();
}

std::optional<Failure> Capture::Publish(const AVFrame* frame, Purpose purpose) {
  FrameFacts facts;
  facts.packet = decoder_->InfoOf(frame);
  facts.frame_id = FrameIdOf(options_.packet_ring, facts.packet);
  facts.type = TypeLetter(frame);
  facts.corrupt = IsCorrupt(frame) || facts.packet.is_damaged;
  // The first intra refresh is not complete, so parts of the picture are missing: it is not published.
  if (source_->intra_refresh() && !facts.packet.is_damaged && (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0)
    return std::nullopt;
  const bool keyframe = facts.packet.is_keyframe;
  int32_t filters = keyframe ? kFilterKeyframes : 0;
  if (purpose != Purpose::kKeyframe) filters |= kFilterAll | schedule_.Take(SecondsOf(facts.packet.pts), keyframe);

  const int64_t start_us = MonotonicUs();
  const bool snapshot = purpose == Purpose::kSnapshot || (snapshot_of_live_ && purpose != Purpose::kKeyframe);
  auto [published, refused, too_large, failure] =
      outputs_.Publish(frame, facts, filters, LoadRelaxed(control_.keyframeCount), snapshot);
  AddRelaxed(control_.convertUs, MonotonicUs() - start_us);
  if (failure) return failure;
  if (published == 0) {
    if (refused > 0 && purpose == Purpose::kLive) AddRelaxed(control_.framesDropped, 1);
    // Callers that wait learn that their picture is too large.
    if (too_large > 0) Announce();
    return std::nullopt;
  }
  AddRelaxed(control_.framesPublished, 1);
  if (facts.corrupt) AddRelaxed(control_.framesCorrupt, 1);
  const PictureSize shown = UprightSize(frame);
  StoreRelaxed(control_.width, shown.width);
  StoreRelaxed(control_.height, shown.height);
  StoreRelaxed(control_.lastFrameMs, facts.packet.arrival_us / 1000);
  StoreRelaxed(control_.decoderDelay, decoder_->delay());
  if (facts.frame_id > LoadRelaxed(control_.newestFrameId)) control_.newestFrameId.store(facts.frame_id);
  Announce();
  return std::nullopt;
}

}  // namespace chrys
