#include "capture/capture.h"

#include <algorithm>
#include <cmath>

#include "base/atomics.h"
#include "base/clock_jump.h"
#include "frames/frame_message.h"

namespace chrys {

namespace {

// Clients name frames by their arrival in milliseconds, so successive pictures get arrivals this far apart.
constexpr int64_t kMinArrivalStepUs = 1000;
// Maximum distance of an arrival from the true one.
constexpr int64_t kMaxArrivalAheadUs = 20'000;

// Numbers of connections must differ, as the sequences of their first packets do. They must also differ between two
// lives of a camera, because recordings outlive them. The sequences of two lives begin 2^33 apart.
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
      rate_(control_),
      frames_(options_, host, *source_, packets_, parameters_, interrupt_) {
  if (options.audio_ring.base != nullptr) audio_packets_.emplace(options.audio_ring);
  if (options.rtsp) reported_learned_ = options.rtsp->learned;
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
  if (auto failure = Open()) return *failure;
  const AvPtr<AVPacket> packet(av_packet_alloc());
  for (;;) {
    if (auto failure = source_->Read(packet.get())) return *failure;
    if (packet->size == 0) {
      if (!has_packets_) continue;
      if (auto failure = frames_.ServeBetweenPackets()) return *failure;
      continue;
    }
    if (auto failure = Store(packet.get())) return *failure;
    StoreAudio();
    if (auto failure = frames_.Serve(packet.get(), current_)) return *failure;
    FlushLog();
    av_packet_unref(packet.get());
  }
}

std::optional<Failure> Capture::Open() {
  if (auto failure = source_->Open()) return failure;
  if (auto failure = frames_.Open()) return failure;
  parameters_.Open(source_->parameters());
  current_.connection = ConnectionOf(LoadRelaxed(options_.packet_ring.header().nextSequence));
  current_.time_base_num = source_->time_base().num;
  current_.time_base_den = std::max(1, source_->time_base().den);
  control_.connectionKeyframeCount.store(0);
  StoreRelaxed(options_.packet_ring.header().declaredReorder, frames_.declared_reorder());
  options_.packet_ring.header().openConnection.store(current_.connection);
  control_.connected.store(1);
  StoreRelaxed(control_.stallLimitMs, static_cast<int32_t>(source_->stall_limit_us() / 1000));
  ReportLearned();
  FlushLog();
  return std::nullopt;
}

std::optional<Failure> Capture::Store(AVPacket* packet) {
  if (auto failure = ReadHeaders(packet)) return failure;
  const bool keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  if (keyframe) CountKeyframe();
  rate_.Add(packet, av_q2d(source_->time_base()));
  has_packets_ = true;
  gop_index_ = keyframe ? 0 : gop_index_ + 1;
  Describe(packet);
  if (current_.is_damaged) AddRelaxed(control_.packetsDamaged, 1);
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

std::optional<Failure> Capture::ReadHeaders(AVPacket* packet) {
  const bool marked = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  ParameterReader::Answer headers;
  headers.is_keyframe = marked;
  if (NeedsReading(marked)) headers = parameters_.Read(packet);
  if (source_->marks_keyframes()) headers.is_keyframe = marked;
  // Checked before the packet is decoded, so that no memory is allocated for the picture.
  if (auto failure = TooManyPixels(headers.coded_width, headers.coded_height, options_.max_pixels)) return failure;
  const PacketSource::CodedSize coded = source_->coded_size();
  if (auto failure = TooManyPixels(coded.width, coded.height, options_.max_pixels)) return failure;
  // Reported with the first packet and not when the session opens, because the size may be unknown until then.
  if (IsNewStream(headers)) ReportStream();
  if (headers.is_keyframe) packet->flags |= AV_PKT_FLAG_KEY;
  return std::nullopt;
}

void Capture::CountKeyframe() {
  ReportLearned();
  StoreRelaxed(control_.stallLimitMs, static_cast<int32_t>(source_->stall_limit_us() / 1000));
  ++keyframe_count_;
  AddRelaxed(control_.keyframeCount, 1);
  StoreRelaxed(control_.connectionKeyframeCount, keyframe_count_);
}

void Capture::Describe(const AVPacket* packet) {
  const int64_t now_us = WallUs();
  const double tick_us = av_q2d(source_->time_base()) * 1e6;
  const double pts_step_us = (static_cast<double>(packet->pts) - static_cast<double>(current_.pts)) * tick_us;
  if (IsClockJump(std::llround(pts_step_us), now_us - current_.arrival_us)) frames_.RestartIntervals();
  current_.pts = packet->pts;
  current_.dts = packet->dts;
  current_.arrival_us = NextArrivalUs(now_us);
  current_.sender_us = source_->SenderUs(packet->pts);
  const PacketSource::Original original = source_->original();
  current_.original_us = original.arrival_us;
  current_.original_id = original.frame_id;
  current_.keyframe_count = keyframe_count_;
  current_.gop_index = std::max(0, gop_index_);
  current_.size = packet->size;
  current_.is_keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  current_.is_damaged = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
  current_.is_hidden = (packet->flags & AV_PKT_FLAG_DISCARD) != 0;
}

// Pictures that one read brings arrive at the same time. They get arrivals 1 ms apart, unless that moves one of them by
// more than 20 ms.
int64_t Capture::NextArrivalUs(int64_t now_us) const {
  const int64_t next_us = current_.arrival_us + kMinArrivalStepUs;
  return next_us <= now_us + kMaxArrivalAheadUs ? std::max(now_us, next_us) : now_us;
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

bool Capture::IsNewStream(const ParameterReader::Answer& headers) const {
  if (headers.changed || !has_packets_) return true;
  if (!audio_reported_ && source_->audio() != nullptr) return true;
  return headers.is_keyframe && !IsExtradataReported();
}

bool Capture::NeedsReading(bool keyframe) const {
  if (!source_->marks_keyframes() || !has_packets_) return true;
  // The same parameter sets give the same answer, and reading takes 100 us.
  const bool has_same_sets = HasParameterSets(source_->parameters()->codec_id) && !source_->intra_refresh() &&
                             parameters_.width > 0 && !reported_extradata_.empty() && IsExtradataReported();
  return keyframe && !has_same_sets;
}

bool Capture::IsExtradataReported() const {
  const AVCodecParameters* parameters = source_->parameters();
  const auto size = static_cast<size_t>(std::max(0, parameters->extradata_size));
  return size == reported_extradata_.size() &&
         std::equal(reported_extradata_.begin(), reported_extradata_.end(), parameters->extradata);
}

void Capture::ReportStream() {
  const AVCodecParameters* parameters = source_->parameters();
  const auto size = static_cast<size_t>(std::max(0, parameters->extradata_size));
  reported_extradata_.assign(parameters->extradata, parameters->extradata + size);
  frames_.Describe(avcodec_get_name(parameters->codec_id), ShownExtradata(parameters->extradata, size));
  audio_reported_ = source_->audio() != nullptr;
  host_.OnStream({current_.connection, parameters, source_->time_base(), source_->declared_fps(), parameters_.width,
                  parameters_.height, parameters_.format, parameters_.profile, source_->audio()});
}

void Capture::ReportLimit() {
  const bool limited = packets_.limited();
  StoreRelaxed(control_.bufferLimited, limited ? 1 : 0);
  if (!limited || limit_reported_) return;
  limit_reported_ = true;
  host_.OnLog({AV_LOG_WARNING, "The packet ring is full with " + std::to_string(packets_.kept()) +
                                   " frames, fewer than buffer.in_memory asks for: raise buffer.in_memory_max_bytes or "
                                   "lower buffer.in_memory."});
}

void Capture::ReportLearned() {
  const Learned* learned = source_->learned();
  if (learned == nullptr || *learned == reported_learned_) return;
  reported_learned_ = *learned;
  host_.OnLearned(reported_learned_);
}

void Capture::FlushLog() {
  for (std::string& note : source_->TakeNotes()) host_.OnLog({AV_LOG_WARNING, std::move(note)});
  if (log_.empty()) return;
  for (const LogLine& line : log_.Take()) host_.OnLog(line);
}

void Capture::CloseSource() {
  // A removed camera may take its time in the background, but the end of the process does not wait for it.
  constexpr int64_t kShutdownUs = 300'000;
  const bool hurry = control_.stop.load() > 1;
  source_->Close(hurry ? std::min(kShutdownUs, options_.teardown_us) : options_.teardown_us);
  ReportLearned();
}

}  // namespace chrys
