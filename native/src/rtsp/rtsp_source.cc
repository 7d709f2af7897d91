#include "rtsp/rtsp_source.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "base/clock.h"
#include "codec/parameters.h"
#include "rtsp/media_choice.h"
#include "rtsp/parameter_sets.h"
#include "rtsp/status.h"

namespace chrys::rtsp {

namespace {

constexpr size_t kVideo = 0;
constexpr size_t kAudio = 1;
// RFC 3550, 6.2: the minimum interval of RTCP. The first report goes earlier, but never before PLAY's answer.
constexpr int64_t kFirstReportUs = 1'000'000;
constexpr int64_t kReportIntervalUs = 5'000'000;
// A camera that announces audio but has sent none this long after PLAY counts as one without audio.
constexpr int64_t kAudioSilentUs = 10'000'000;
// After BYE a camera may still send what it has buffered.
constexpr int64_t kGoodbyeUs = 1'000'000;
constexpr int kSilentSessionsBeforeUdp = 2;
constexpr size_t kMaxNotes = 16;
constexpr int64_t kDestructorTeardownUs = 300'000;
constexpr int64_t kStalledTeardownUs = 400'000;
constexpr int64_t kReopenTeardownUs = 300'000;
// Maximum number of bytes that a camera may send before it answers PLAY; more are dropped. Until then, the depacketizer
// keeps all pictures.
constexpr size_t kMaxEarlyBytes = 16 << 20;
// Some cameras write their clock rate in kHz into the description.
constexpr int kMinVideoClockRate = 1000;
// The NTP clock begins 70 years before the Unix clock.
constexpr int64_t kNtpOffsetSeconds = 2'208'988'800;

std::string Seconds(int64_t us) {
  const int64_t tenths = (us + 50'000) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

TlsVerify VerifyOf(const std::string& text) {
  if (text == "verify") return TlsVerify::kVerify;
  return text == "none" ? TlsVerify::kNone : TlsVerify::kPin;
}

uint64_t NtpOfUs(int64_t us) {
  const auto seconds = static_cast<uint64_t>(us / 1'000'000 + kNtpOffsetSeconds);
  const auto fraction = static_cast<uint64_t>(us % 1'000'000) * 4'294'967'296ULL / 1'000'000;
  return seconds << 32 | fraction;
}

const char* NameOf(Carrier carrier) {
  return carrier == Carrier::kTcp ? "tcp" : carrier == Carrier::kUdp ? "udp" : "multicast";
}

// Whether the camera answered and refused this request. It may accept another one.
bool IsRefusal(const Failure& failure) {
  for (const char* each : {end::kRequestRefused, end::kCameraError, end::kOptionUnsupported, end::kTransportRefused,
                           end::kNotFound, end::kForbidden, end::kSessionLost}) {
    if (failure.end == each) return true;
  }
  return false;
}

// Passes the bytes of a picture to libav without a copy.
AVBufferRef* Wrap(std::vector<uint8_t> bytes) {
  auto* kept = new std::vector<uint8_t>(std::move(bytes));
  AVBufferRef* buffer = av_buffer_create(
      kept->data(), kept->size(), [](void* opaque, uint8_t*) { delete static_cast<std::vector<uint8_t>*>(opaque); },
      kept, 0);
  if (buffer == nullptr) delete kept;
  return buffer;
}

}  // namespace

RtspSource::RtspSource(SourceOptions options, const std::atomic<int32_t>& stop, int wake_fd)
    : options_(std::move(options)), waiter_(stop, wake_fd), parameters_(avcodec_parameters_alloc()) {
  own_ssrc_ = std::random_device()();
}

RtspSource::~RtspSource() { Close(kDestructorTeardownUs); }

void RtspSource::Note(std::string line) {
  const bool known = std::find(notes_.begin(), notes_.end(), line) != notes_.end();
  if (!known && notes_.size() < kMaxNotes) notes_.push_back(std::move(line));
}

std::optional<Failure> RtspSource::Open() {
  const int64_t deadline_us = MonotonicUs() + options_.open_timeout_us;
  auto failure = OpenSession(options_.audio, deadline_us);
  if (!failure || !audio_requested_ || (failure->end != end::kConnectionLost && !IsRefusal(*failure))) return failure;
  // Some cameras close the connection, or refuse PLAY, because of an audio track that they announced.
  session_->Close(kReopenTeardownUs);
  ForgetSession();
  const std::string why = failure->message;
  failure = OpenSession(false, deadline_us);
  if (!failure) Note("Audio is not recorded: the camera does not play with it. " + why);
  return failure;
}

std::optional<Failure> RtspSource::OpenSession(bool audio, int64_t deadline_us) {
  SessionOptions options;
  options.url = options_.url;
  options.addresses = options_.addresses;
  options.verify = VerifyOf(options_.tls_verify);
  session_ = std::make_unique<Session>(options, options_.learned, waiter_, *this);
  if (auto failure = session_->Describe(deadline_us)) return failure;
  if (auto failure = PickVideo()) return failure;
  timeline_.emplace(clock_rate_, declared_fps_);
  if (auto failure = SetUpVideo(deadline_us)) return failure;
  if (audio) SetUpAudio(carrier_, deadline_us);
  if (auto failure = session_->Play(deadline_us)) return failure;

  played_us_ = last_video_us_ = MonotonicUs();
  patience_.emplace(options_.stall_timeout_us, declared_fps_, options_.learned.usual_gap_ms * 1000,
                    options_.first_picture_us);
  if (!options_.learned.without_receiver_reports) next_report_us_ = played_us_ + kFirstReportUs;
  return std::nullopt;
}

void RtspSource::ForgetSession() {
  audio_.reset();
  timeline_.reset();
  depacketizer_.reset();
  tracks_.clear();
  // These are parts of the session's description.
  video_media_ = nullptr;
  video_format_ = nullptr;
  session_.reset();
  early_bytes_ = 0;
  any_packet_ = false;
  goodbye_us_ = 0;
}

std::optional<Failure> RtspSource::PickVideo() {
  VideoChoice choice;
  if (auto failure = ChooseVideo(session_->description(), &choice)) return failure;
  for (std::string& note : choice.notes) Note(std::move(note));
  video_media_ = choice.media;
  video_format_ = choice.format;
  if (video_format_->clock_rate >= kMinVideoClockRate) clock_rate_ = video_format_->clock_rate;
  declared_fps_ = video_media_->frame_rate;
  parameters_->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters_->codec_id = VideoCodecOf(video_format_->name);
  if (parameters_->codec_id == AV_CODEC_ID_MJPEG) {
    parameters_->width = video_media_->width;
    parameters_->height = video_media_->height;
  }
  return std::nullopt;
}

std::optional<Failure> RtspSource::MakeDepacketizer(Carrier carrier) {
  DepacketizerHabits habits;
  habits.marks_every_slice = options_.learned.marks_every_slice;
  habits.sequence_unreliable = options_.learned.sequence_unreliable;
  habits.jpeg_width = options_.learned.jpeg_width;
  habits.jpeg_height = options_.learned.jpeg_height;
  depacketizer_ = MakeVideoDepacketizer(*video_format_, *video_media_, carrier == Carrier::kTcp, habits);
  if (!depacketizer_) return Failure{end::kUnsupportedCodec, "The codec is " + video_format_->name + ".", 0};
  extradata_ = depacketizer_->extradata();
  if (!SetExtradata(parameters_.get(), extradata_)) return FailureFromAv(AVERROR(ENOMEM), "opening the stream");
  ReadCodedSize();
  tracks_.emplace_back(clock_rate_);
  if (carrier != Carrier::kTcp) tracks_[kVideo].reorder.emplace();
  for (const Format& format : video_media_->formats) {
    if (&format == video_format_) tracks_[kVideo].payload_types.push_back(format.payload_type);
  }
  return std::nullopt;
}

// The transports to try, in order.
std::vector<Carrier> RtspSource::CarriersToTry() const {
  std::vector<Carrier> carriers;
  if (options_.transport == "tcp") {
    carriers = {Carrier::kTcp};
  } else if (options_.transport == "udp") {
    carriers = {Carrier::kUdp};
  } else if (options_.learned.transport == "udp") {
    carriers = {Carrier::kUdp, Carrier::kTcp};
  } else if (options_.learned.transport == "multicast") {
    carriers = {Carrier::kMulticast, Carrier::kTcp, Carrier::kUdp};
  } else {
    carriers = {Carrier::kTcp, Carrier::kUdp};
  }
  if (options_.transport != "tcp" && !video_media_->multicast_address.empty() &&
      carriers.front() != Carrier::kMulticast) {
    carriers.push_back(Carrier::kMulticast);
  }
  return carriers;
}

std::optional<Failure> RtspSource::SetUpVideo(int64_t deadline_us) {
  std::optional<Failure> failure;
  for (const Carrier carrier : CarriersToTry()) {
    failure = session_->SetUp(*video_media_, carrier, deadline_us);
    if (!failure) {
      carrier_ = carrier;
      if (options_.transport == "auto") options_.learned.transport = NameOf(carrier);
      return MakeDepacketizer(carrier);
    }
    if (failure->end != end::kTransportRefused) break;
  }
  // The camera may have refused the learnt transport, so the next attempt begins with TCP.
  if (options_.transport == "auto" && IsRefusal(*failure)) options_.learned.transport.clear();
  return failure;
}

void RtspSource::SetUpAudio(Carrier carrier, int64_t deadline_us) {
  AudioChoice choice = ChooseAudio(session_->description());
  if (choice.media == nullptr) {
    Note(choice.why_none);
    return;
  }
  audio_requested_ = true;
  // A camera that never answers must leave time for PLAY.
  const int64_t now_us = MonotonicUs();
  if (auto failure = session_->SetUp(*choice.media, carrier, now_us + (deadline_us - now_us) / 2)) {
    if (failure->end == end::kStopped) return;
    Note("Audio is not recorded: " + failure->message);
    return;
  }
  audio_.emplace(*choice.format, std::move(choice.depacketizer), *timeline_);
  tracks_.emplace_back(audio_->clock_rate());
  tracks_[kAudio].payload_types = {choice.format->payload_type};
  if (carrier != Carrier::kTcp) tracks_[kAudio].reorder.emplace();
}

const AudioStream* RtspSource::audio() const { return audio_ ? audio_->stream() : nullptr; }

std::vector<AudioPacket> RtspSource::TakeAudio() { return audio_ ? audio_->Take() : std::vector<AudioPacket>(); }

void RtspSource::OnPacket(size_t track, bool rtcp, const uint8_t* data, size_t size, int64_t arrival_us) {
  any_packet_ = true;
  if (track >= tracks_.size() || closed_) return;
  if (played_us_ == 0 && (early_bytes_ += size) > kMaxEarlyBytes) return;
  if (rtcp) {
    OnRtcp(track, data, size, arrival_us);
    return;
  }
  if (tracks_[track].reorder) {
    ordered_.clear();
    tracks_[track].reorder->Push(data, size, arrival_us, &ordered_);
    for (const RtpPacket& packet : ordered_) OnRtp(track, packet, arrival_us);
    return;
  }
  RtpPacket packet;
  if (ParseRtp(data, size, &packet)) OnRtp(track, packet, arrival_us);
}

void RtspSource::OnRtp(size_t track, const RtpPacket& packet, int64_t arrival_us) {
  Track& state = tracks_[track];
  // Noted before the payload type is checked, because packets of all types share the sequence numbers.
  const RtpReceiver::Seen seen = state.receiver.Note(packet, arrival_us);
  if (seen.duplicate) return;
  if (std::find(state.payload_types.begin(), state.payload_types.end(), packet.payload_type) ==
      state.payload_types.end())
    return;
  if (track == kVideo) {
    if (seen.restarted) depacketizer_->Restart();
    depacketizer_->Push(packet, seen.lost, arrival_us);
    return;
  }
  // Audio before the first picture is dropped: the audio's clock is placed on that of the video.
  audio_->Push(packet, seen.lost, arrival_us, pictures_ > 0);
}

void RtspSource::OnRtcp(size_t track, const uint8_t* data, size_t size, int64_t arrival_us) {
  const RtcpPackets packets = ParseRtcp(data, size);
  for (const SenderReport& report : packets.reports) {
    // A report before the first packet counts as well.
    if (tracks_[track].receiver.any() && report.ssrc != tracks_[track].receiver.ssrc()) continue;
    tracks_[track].report_ntp = report.ntp;
    tracks_[track].report_us = arrival_us;
    if (track == kVideo) {
      timeline_->OnSenderReport(report.rtp_time, report.ntp, arrival_us);
    } else {
      audio_->OnSenderReport(report.rtp_time, report.ntp, arrival_us);
    }
  }
  for (const uint32_t ssrc : packets.goodbyes) {
    if (track == kVideo && ssrc == tracks_[kVideo].receiver.ssrc() && goodbye_us_ == 0) goodbye_us_ = arrival_us;
  }
}

void RtspSource::GiveOutReordered(int64_t now_us) {
  for (size_t track = 0; track < tracks_.size(); ++track) {
    if (!tracks_[track].reorder) continue;
    ordered_.clear();
    tracks_[track].reorder->Expire(now_us, &ordered_);
    for (const RtpPacket& packet : ordered_) OnRtp(track, packet, now_us);
  }
}

ReceptionReport RtspSource::Track::MakeReport(int64_t now_us) {
  ReceptionReport report;
  report.ssrc = receiver.ssrc();
  report.fraction_lost = receiver.TakeFractionLost();
  report.lost = static_cast<int32_t>(std::clamp<int64_t>(receiver.lost_total(), 0, 0x7fffff));
  report.extended_highest = receiver.extended_highest();
  report.jitter = receiver.jitter();
  if (report_us > 0) {
    report.last_report = static_cast<uint32_t>(report_ntp >> 16);
    const int64_t since_us = std::clamp<int64_t>(now_us - report_us, 0, 60'000'000);
    report.since_last_report = static_cast<uint32_t>(since_us * 65'536 / 1'000'000);
  }
  return report;
}

void RtspSource::SendReports(int64_t now_us) {
  if (now_us < next_report_us_) return;
  next_report_us_ = now_us + kReportIntervalUs;
  if (session_->reports_refused()) {
    options_.learned.without_receiver_reports = true;
    next_report_us_ = INT64_MAX;
    return;
  }
  for (size_t track = 0; track < tracks_.size(); ++track) {
    const uint32_t ssrc = own_ssrc_ + static_cast<uint32_t>(track);
    session_->SendReport(track, BuildReceiverReport(ssrc, "chrysproxy", tracks_[track].MakeReport(now_us)));
  }
}

int64_t RtspSource::stall_limit_us() const { return patience_ ? patience_->LimitUs() : 0; }

int64_t RtspSource::NextDeadline() const {
  int64_t deadline_us = std::min(last_video_us_ + patience_->LimitUs(), next_report_us_);
  if (goodbye_us_ > 0) deadline_us = std::min(deadline_us, goodbye_us_ + kGoodbyeUs);
  for (const Track& track : tracks_) {
    if (!track.reorder) continue;
    if (const auto reorder_us = track.reorder->Deadline()) deadline_us = std::min(deadline_us, *reorder_us);
  }
  return deadline_us;
}

std::optional<Failure> RtspSource::CheckPatience(int64_t now_us) {
  if (goodbye_us_ > 0 && now_us >= goodbye_us_ + kGoodbyeUs) {
    if (last_video_us_ <= goodbye_us_ + kGoodbyeUs / 2) {
      return Failure{end::kConnectionLost, "The camera ended the stream (RTCP BYE).", 0};
    }
    goodbye_us_ = 0;
  }
  const int64_t limit_us = patience_->LimitUs();
  if (now_us - last_video_us_ < limit_us) return std::nullopt;
  return any_packet_ ? Stalled(limit_us) : NoPacket(limit_us);
}

Failure RtspSource::NoPacket(int64_t limit_us) {
  Learned& learned = options_.learned;
  std::string message = "No packet came over " + std::string(carrier_ == Carrier::kTcp ? "TCP" : "UDP") + " within " +
                        Seconds(limit_us) + " after PLAY.";
  if (options_.transport == "auto") {
    learned.silent_tcp_sessions = carrier_ == Carrier::kTcp ? learned.silent_tcp_sessions + 1 : 0;
    if (carrier_ != Carrier::kTcp) {
      learned.transport = "tcp";
    } else if (learned.silent_tcp_sessions >= kSilentSessionsBeforeUdp) {
      learned.transport = "udp";
      message += " The next attempt uses UDP.";
    }
  }
  return Failure{end::kNoData, message, 0};
}

Failure RtspSource::Stalled(int64_t limit_us) {
  options_.learned.usual_gap_ms = patience_->GapAfterStallUs() / 1000;
  stalled_ = true;
  Failure failure{end::kStalled,
                  pictures_ == 0 ? "No picture came within " + Seconds(limit_us) + " after PLAY."
                                 : "No picture came for " + Seconds(limit_us) + ".",
                  0};
  // Over TCP a camera that ends a session closes the connection.
  const bool may_have_ended = carrier_ != Carrier::kTcp && pictures_ > 0;
  return may_have_ended ? session_->OnSilence(std::move(failure), last_video_us_) : failure;
}

std::optional<Failure> RtspSource::Read(AVPacket* packet) {
  AccessUnit unit;
  for (;;) {
    if (depacketizer_->Take(&unit)) return FillPacket(std::move(unit), packet);
    if (!depacketizer_->problem().empty()) return Failure{end::kPictureTooLarge, depacketizer_->problem(), 0};
    if (auto failure = session_->Pump(NextDeadline())) {
      Learn();
      return failure;
    }
    const int64_t now_us = MonotonicUs();
    GiveOutReordered(now_us);
    SendReports(now_us);
    if (auto failure = CheckPatience(now_us)) return failure;
    if (session_->TakeWoken()) {
      av_packet_unref(packet);
      return std::nullopt;
    }
  }
}

void RtspSource::UseParameters(const AccessUnit& unit) {
  if (!unit.keyframe) return;
  std::vector<uint8_t> extradata = depacketizer_->extradata();
  if (extradata == extradata_) return;
  extradata_ = std::move(extradata);
  (void)SetExtradata(parameters_.get(), extradata_);
  ReadCodedSize();
}

// libav's parser reports no size for pictures that libav cannot decode. Their size is needed to refuse them with it.
void RtspSource::ReadCodedSize() {
  const NalCodec codec = parameters_->codec_id == AV_CODEC_ID_HEVC ? NalCodec::kHevc : NalCodec::kH264;
  (void)CodedSizeOf(codec, extradata_, &coded_size_.width, &coded_size_.height);
}

bool RtspSource::IsKeyframe(const AccessUnit& unit) {
  if (unit.keyframe) {
    any_keyframe_ = true;
    intra_refresh_ = false;
  } else if (unit.recovery && !any_keyframe_ && !intra_refresh_) {
    intra_refresh_ = true;
    Note(
        "The camera sends no keyframes, only an intra refresh, so recorded files begin with pictures that cannot be "
        "shown. Set its encoder to send a keyframe (IDR) every few seconds.");
  }
  return unit.keyframe || (unit.recovery && intra_refresh_);
}

std::optional<Failure> RtspSource::FillPacket(AccessUnit unit, AVPacket* packet) {
  UseParameters(unit);
  if (pictures_ == 0 && session_->play_clock_us() > 0 && tracks_[kVideo].report_us == 0) {
    timeline_->OnSenderReport(unit.rtp_time, NtpOfUs(session_->play_clock_us()), unit.arrival_us);
  }
  ++pictures_;
  const int64_t pts = timeline_->Place(unit.rtp_time, unit.arrival_us, unit.keyframe || unit.recovery);
  last_video_us_ = unit.arrival_us;
  patience_->OnPicture(unit.arrival_us);
  NoteSilentAudio(unit.arrival_us);
  if (unit.keyframe) Learn();
  const bool keyframe = IsKeyframe(unit);

  av_packet_unref(packet);
  const size_t size = unit.data.size();
  // libav reads a little beyond the end.
  unit.data.resize(size + AV_INPUT_BUFFER_PADDING_SIZE, 0);
  packet->buf = Wrap(std::move(unit.data));
  if (packet->buf == nullptr) return FailureFromAv(AVERROR(ENOMEM), "reading the stream");
  packet->data = packet->buf->data;
  packet->size = static_cast<int>(size);
  packet->pts = pts;
  packet->dts = decode_times_.Next(pts, timeline_->usual_ticks());
  packet->flags = (keyframe ? AV_PKT_FLAG_KEY : 0) | (unit.damaged ? AV_PKT_FLAG_CORRUPT : 0);
  return std::nullopt;
}

void RtspSource::NoteSilentAudio(int64_t now_us) {
  if (!audio_ || audio_->any() || audio_silence_noted_ || now_us - played_us_ < kAudioSilentUs) return;
  audio_silence_noted_ = true;
  Note("Audio is not recorded: the camera announces it but sends none.");
}

// Copies what the parts have learnt into options_.learned.
void RtspSource::Learn() {
  Learned& learned = options_.learned;
  if (depacketizer_) {
    const DepacketizerHabits& habits = depacketizer_->habits();
    learned.marks_every_slice = habits.marks_every_slice;
    learned.sequence_unreliable = habits.sequence_unreliable;
    learned.jpeg_width = habits.jpeg_width;
    learned.jpeg_height = habits.jpeg_height;
  }
  if (any_packet_) learned.silent_tcp_sessions = 0;
  if (!patience_ || stalled_) return;
  // Small changes are not worth a write to the database.
  const int64_t gap_ms = patience_->usual_gap_us() / 1000;
  if (gap_ms > learned.usual_gap_ms * 5 / 4 || gap_ms < learned.usual_gap_ms * 3 / 4) learned.usual_gap_ms = gap_ms;
}

int64_t RtspSource::SenderUs(int64_t pts) const { return timeline_ ? timeline_->SenderUs(pts) : 0; }

void RtspSource::Close(int64_t budget_us) {
  if (std::exchange(closed_, true) || !session_) return;
  Learn();
  // A frozen camera does not answer TEARDOWN either, and its stall must be reported soon.
  session_->Close(stalled_ ? std::min(budget_us, kStalledTeardownUs) : budget_us);
}

}  // namespace chrys::rtsp
