#include "capture.h"

#include <algorithm>

extern "C" {
#include <libavutil/mathematics.h>
#include <libavutil/pixdesc.h>
}

namespace chrys {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// Keyframes that the decoder may swallow without giving a frame before it counts as stuck.
constexpr int kDecodeStallKeyframes = 3;
// Packets of a connection before its rate is told without a whole group of pictures.
constexpr int64_t kRateMinPackets = 10;
// A frame whose pts is further behind the last published one than this comes from a camera that set its clock back;
// one that is less far behind is stale.
constexpr double kClockJumpSeconds = 10;

void Add(std::atomic<int64_t>& counter, int64_t amount) {
  // Written by this thread alone: no read-modify-write needed.
  counter.store(counter.load(kRelaxed) + amount, kRelaxed);
}

char TypeLetter(const AVFrame* frame) {
  switch (frame->pict_type) {
    case AV_PICTURE_TYPE_I:
      return 'I';
    case AV_PICTURE_TYPE_B:
      return 'B';
    default:
      return 'P';
  }
}

}  // namespace

Capture::Capture(const CaptureOptions& options, CaptureHost& host)
    : options_(options),
      host_(host),
      control_(*options.control),
      log_(options.log_level),
      interrupt_(control_.stop),
      source_(options.source, interrupt_),
      packets_(options.packet_ring) {}

void Capture::FlushLog() {
  if (log_.empty()) return;
  for (const LogLine& line : log_.Take()) host_.OnLog(line);
}

Failure Capture::Run() {
  Failure failure = RunUntilEnd();
  control_.connected.store(0);
  control_.decodingMode.store(kDemandIdle);
  FlushLog();
  return failure;
}

Failure Capture::RunUntilEnd() {
  if (auto failure = source_.Open()) return *failure;
  const AVCodecParameters* parameters = source_.parameters();
  if (auto failure = decoder_.Open(parameters, options_.decoder_threads)) return *failure;
  parameters_.Open(parameters);
  shape_.device_id = options_.device_id;
  shape_.codec_name = avcodec_get_name(parameters->codec_id);
  constexpr int kMaxExtradata = 16384;
  if (parameters->extradata_size > 0 && parameters->extradata_size <= kMaxExtradata) {
    shape_.extradata.assign(parameters->extradata, parameters->extradata + parameters->extradata_size);
  }
  // Sequences of connections only need to differ: the sequence of the next packet does.
  current_.connection = static_cast<int32_t>(options_.packet_ring.header().nextSequence.load(kRelaxed) & 0x7fffffff);
  current_.time_base_num = source_.time_base().num;
  current_.time_base_den = std::max(1, source_.time_base().den);
  control_.connectionKeyframes.store(0);
  control_.connected.store(1);
  FlushLog();

  const AvPtr<AVPacket> packet(av_packet_alloc());
  for (;;) {
    if (auto failure = source_.Read(packet.get())) return *failure;
    Store(packet.get());
    if (auto failure = Serve(packet.get())) return *failure;
    FlushLog();
    av_packet_unref(packet.get());
  }
}

void Capture::Store(AVPacket* packet) {
  const auto headers = parameters_.Read(packet);
  // With the first packet and not when the session opens: before, a camera may be silent, and its size is not known.
  if (headers.changed || packets_since_connect_ == 0) TellStream();
  const bool keyframe = headers.is_keyframe;
  if (keyframe) {
    packet->flags |= AV_PKT_FLAG_KEY;
    ++keyframes_;
    Add(control_.keyframes, 1);
    control_.connectionKeyframes.store(keyframes_, kRelaxed);
  }
  MeasureRate(packet);
  gop_index_ = keyframe ? 0 : gop_index_ + 1;
  current_.pts = packet->pts;
  current_.dts = packet->dts;
  current_.arrival_us = WallUs();
  current_.keyframe = keyframes_;
  current_.gop_index = std::max(0, gop_index_);
  current_.size = packet->size;
  current_.is_keyframe = keyframe;
  current_.sequence = packets_.Write(current_, packet->data);
  Add(control_.packets, 1);
  Add(control_.bytes, packet->size);
  control_.lastPacketMs.store(current_.arrival_us / 1000, kRelaxed);
  control_.packetSequence.store(current_.sequence);
  control_.packetEvent.fetch_add(1);
  if (control_.packetWaiters.load() > 0) host_.OnPacket();
}

void Capture::MeasureRate(const AVPacket* packet) {
  const double tick_seconds = av_q2d(source_.time_base());
  const bool keyframe = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  ++packets_since_connect_;
  if (first_pts_ == INT64_MIN) first_pts_ = packet->pts;
  double fps = 0;
  if (keyframe) {
    const int64_t ticks = gop_first_pts_ == INT64_MIN ? 0 : packet->pts - gop_first_pts_;
    if (ticks > 0) {
      control_.gopPackets.store(gop_index_ + 1, kRelaxed);
      fps = (gop_index_ + 1) / (static_cast<double>(ticks) * tick_seconds);
    }
    gop_first_pts_ = packet->pts;
  } else if (control_.gopPackets.load(kRelaxed) == 0 && packets_since_connect_ >= kRateMinPackets) {
    const int64_t ticks = packet->pts - first_pts_;
    if (ticks > 0) fps = static_cast<double>(packets_since_connect_ - 1) / (static_cast<double>(ticks) * tick_seconds);
  }
  if (fps > 0 && fps < 1e6) control_.fpsMilli.store(static_cast<int32_t>(fps * 1000 + 0.5), kRelaxed);
}

void Capture::TellStream() {
  host_.OnStream({source_.parameters(), source_.time_base(), source_.declared_fps(), parameters_.width,
                  parameters_.height, parameters_.format, parameters_.profile});
}

std::optional<Failure> Capture::Serve(const AVPacket* packet) {
  const int32_t mode = control_.demandMode.load();
  const int32_t snapshot = control_.snapshotWanted.load();
  const bool snapshot_wanted = snapshot != control_.snapshotDone.load(kRelaxed);
  const bool rose = mode != kDemandIdle && served_mode_ == kDemandIdle;
  served_mode_ = mode;
  control_.decodingMode.store(mode, kRelaxed);
  if (mode != kDemandAll) group_decoded_ = false;

  std::optional<Failure> failure;
  if (mode == kDemandAll) {
    failure = DecodeNext(packet);
  } else if (mode == kDemandKeyframes && (current_.is_keyframe || rose)) {
    // A keyframe caller that comes in mid-group gets the group's keyframe at once.
    const int64_t keyframe = packets_.GroupStart();
    if (keyframe > 0 && keyframe != last_keyframe_published_) failure = DecodeAlone(keyframe);
  }
  if (failure) return failure;
  if (snapshot_wanted) {
    if (mode != kDemandAll) failure = CatchUp(true);
    control_.snapshotDone.store(snapshot);
    Announce();
  }
  if (!failure && keyframes_without_frame_ >= kDecodeStallKeyframes) {
    return Failure{end::kDecodeStalled,
                   "the decoder made no frame of " + std::to_string(keyframes_without_frame_) + " keyframes"};
  }
  return failure;
}

std::optional<Failure> Capture::DecodeNext(const AVPacket* packet) {
  if (!group_decoded_) {
    if (!current_.is_keyframe) return CatchUp(false);
    decoder_.Reset();
    group_decoded_ = true;
  }
  if (!Feed(packet, current_)) return std::nullopt;
  while (const AVFrame* frame = TakeFrame()) {
    if (auto failure = Publish(frame)) return failure;
  }
  return std::nullopt;
}

bool Capture::Feed(const AVPacket* packet, const PacketInfo& info) {
  const int64_t start_us = MonotonicUs();
  const bool accepted = decoder_.Send(packet, info);
  Add(control_.decodeUs, MonotonicUs() - start_us);
  if (!accepted) Add(control_.decodeErrors, 1);
  if (info.is_keyframe) ++keyframes_without_frame_;
  return accepted;
}

const AVFrame* Capture::TakeFrame() {
  const int64_t start_us = MonotonicUs();
  const AVFrame* frame = decoder_.Receive();
  Add(control_.decodeUs, MonotonicUs() - start_us);
  if (frame != nullptr) {
    Add(control_.framesDecoded, 1);
    keyframes_without_frame_ = 0;
  }
  return frame;
}

namespace {

// A packet over bytes that the caller keeps; libav copies what it wants to hold.
struct BorrowedPacket {
  AvPtr<AVPacket> packet{av_packet_alloc()};

  const AVPacket* Over(std::vector<uint8_t>& payload, const PacketInfo& info) {
    packet->data = payload.data();
    packet->size = info.size;
    packet->pts = info.pts;
    packet->dts = info.dts;
    packet->flags = info.is_keyframe ? AV_PKT_FLAG_KEY : 0;
    return packet.get();
  }
};

}  // namespace

std::optional<Failure> Capture::DecodeAlone(int64_t sequence) {
  std::vector<uint8_t> payload;
  const auto info = ReadPacket(options_.packet_ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE);
  if (!info) return std::nullopt;
  BorrowedPacket packet;
  decoder_.Reset();
  group_decoded_ = false;
  std::optional<Failure> failure;
  if (Feed(packet.Over(payload, *info), *info)) {
    // Draining makes a decoder that reorders give the frame now and not some packets later.
    decoder_.Drain();
    if (const AVFrame* frame = TakeFrame()) failure = Publish(frame);
  }
  decoder_.Reset();
  return failure;
}

std::optional<Failure> Capture::CatchUp(bool drain) {
  const int64_t first = packets_.GroupStart();
  if (first == 0) return std::nullopt;
  decoder_.Reset();
  BorrowedPacket packet;
  std::vector<uint8_t> payload;
  const AvPtr<AVFrame> newest(av_frame_alloc());
  std::optional<Failure> failure;
  const auto take = [&] {
    while (const AVFrame* frame = TakeFrame()) {
      // Of the group so far only its keyframe (for keyframe callers) and its newest frame are worth converting.
      const PacketInfo& info = decoder_.InfoOf(frame);
      // The keyframe wakes nobody: a caller that wants the newest frame would get it instead.
      if (info.is_keyframe && info.sequence != last_keyframe_published_) failure = Publish(frame, false);
      av_frame_unref(newest.get());
      av_frame_ref(newest.get(), frame);
      if (failure) return;
    }
  };
  for (int64_t sequence = first; sequence <= current_.sequence && !failure; ++sequence) {
    if (interrupt_.stopped()) return Failure{end::kStopped, "told to stop"};
    const auto info = ReadPacket(options_.packet_ring, sequence, &payload, AV_INPUT_BUFFER_PADDING_SIZE);
    if (!info) return std::nullopt;
    if (Feed(packet.Over(payload, *info), *info)) take();
  }
  if (drain && !failure) {
    decoder_.Drain();
    take();
  }
  if (failure) return failure;
  if (newest->buf[0] != nullptr) {
    const PacketInfo& info = decoder_.InfoOf(newest.get());
    if (info.sequence != last_keyframe_published_) failure = Publish(newest.get(), false);
  }
  Announce();
  if (drain) decoder_.Reset();
  group_decoded_ = !drain;
  return failure;
}

void Capture::Announce() {
  control_.frameEvent.fetch_add(1);
  if (control_.frameWaiters.load() > 0) host_.OnFrame();
}

std::optional<Failure> Capture::EnsureRing(size_t head_bytes, size_t data_bytes) {
  if (frames_ && frames_->Fits(head_bytes, data_bytes)) return std::nullopt;
  const size_t bytes = FrameRingWriter::BytesFor(options_.frame_slots, head_bytes, data_bytes);
  uint8_t* memory = host_.AllocateFrameRing(bytes);
  if (memory == nullptr) return FailureFromAv(AVERROR(ENOMEM), "making room for frames");
  frames_.emplace(memory, ++frame_ring_generation_, options_.frame_slots, head_bytes, data_bytes);
  return std::nullopt;
}

std::optional<Failure> Capture::Publish(const AVFrame* frame, bool announce) {
  const PacketInfo info = decoder_.InfoOf(frame);
  if (last_pts_published_ != INT64_MIN && info.pts <= last_pts_published_) {
    const double behind = static_cast<double>(last_pts_published_ - info.pts) * av_q2d(source_.time_base());
    if (behind < kClockJumpSeconds) {
      Add(control_.framesDropped, 1);
      return std::nullopt;
    }
  }
  const auto format = static_cast<AVPixelFormat>(frame->format);
  if (frame->width != shape_.width || frame->height != shape_.height || shape_.pixel_format.empty()) {
    const char* name = av_get_pix_fmt_name(format);
    shape_.width = frame->width;
    shape_.height = frame->height;
    shape_.pixel_format = name == nullptr ? "" : name;
    control_.width.store(frame->width, kRelaxed);
    control_.height.store(frame->height, kRelaxed);
  }
  const size_t data_bytes = static_cast<size_t>(frame->width) * static_cast<size_t>(frame->height) * 3;
  const bool corrupt = (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
  const auto head = FrameMessageHead(shape_, {info, TypeLetter(frame), corrupt}, data_bytes);
  if (head.size() + data_bytes > options_.max_message_bytes) {
    return Failure{end::kFrameTooLarge, "a frame of " + std::to_string(frame->width) + "x" + std::to_string(frame->height) +
                                            " takes " + std::to_string(data_bytes) + " bytes as BGR24; the most is " +
                                            std::to_string(options_.max_message_bytes)};
  }
  if (auto failure = EnsureRing(head.size(), data_bytes)) return failure;

  const int64_t start_us = MonotonicUs();
  const FrameRingWriter::Open slot = frames_->Begin(data_bytes);
  const bool converted = converter_.ToBgr24(frame, slot.data);
  const int64_t sequence = control_.frameSequence.load(kRelaxed) + 1;
  if (!converted) {
    return Failure{end::kUnsupportedCodec, "libswscale cannot convert the pixel format " + shape_.pixel_format};
  }
  frames_->Publish(slot, head, (info.is_keyframe ? kFlagKeyframe : 0) | (corrupt ? kFlagCorrupt : 0), frame->width,
                   frame->height, sequence, info.arrival_us);
  Add(control_.convertUs, MonotonicUs() - start_us);
  Add(control_.framesPublished, 1);
  if (corrupt) Add(control_.framesCorrupt, 1);
  last_pts_published_ = info.pts;
  if (info.is_keyframe) last_keyframe_published_ = info.sequence;
  control_.lastFrameMs.store(info.arrival_us / 1000, kRelaxed);
  control_.decoderDelay.store(decoder_.delay(), kRelaxed);
  control_.frameSequence.store(sequence);
  if (announce) Announce();
  return std::nullopt;
}

}  // namespace chrys
