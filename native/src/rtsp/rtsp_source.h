// The packets of an RTSP camera.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/av_handles.h"
#include "rtsp/audio_track.h"
#include "rtsp/decode_times.h"
#include "rtsp/depacketizer.h"
#include "rtsp/patience.h"
#include "rtsp/rtcp.h"
#include "rtsp/rtp.h"
#include "rtsp/session.h"
#include "rtsp/timeline.h"
#include "source/learned.h"
#include "source/packet_source.h"

namespace chrys::rtsp {

struct SourceOptions {
  std::string url;  // with credentials
  std::vector<std::string> addresses;
  std::string transport;   // "auto", "tcp" or "udp"
  std::string tls_verify;  // "verify", "pin" or "none"
  int64_t open_timeout_us = 0;
  int64_t stall_timeout_us = 0;                          // the minimum
  int64_t first_picture_us = Patience::kFirstPictureUs;  // the minimum while the rate is not known
  bool audio = false;
  Learned learned;
};

class RtspSource : public PacketSource, public Session::Sink {
 public:
  RtspSource(SourceOptions options, const std::atomic<int32_t>& stop, int wake_fd);
  ~RtspSource() override;

  std::optional<Failure> Open() override;
  std::optional<Failure> Read(AVPacket* packet) override;
  void Close(int64_t budget_us) override;

  const AVCodecParameters* parameters() const override { return parameters_.get(); }
  AVRational time_base() const override { return {1, clock_rate_}; }
  CodedSize coded_size() const override { return coded_size_; }
  double declared_fps() const override { return declared_fps_; }
  int64_t SenderUs(int64_t pts) const override;
  const AudioStream* audio() const override;
  std::vector<AudioPacket> TakeAudio() override;
  std::vector<std::string> TakeNotes() override { return std::exchange(notes_, {}); }
  int64_t stall_limit_us() const override;
  bool marks_keyframes() const override { return true; }
  bool intra_refresh() const override { return intra_refresh_; }
  const Learned* learned() const override { return &options_.learned; }

 private:
  // A track that was set up.
  struct Track {
    explicit Track(int clock_rate) : receiver(clock_rate) {}
    ReceptionReport MakeReport(int64_t now_us);

    RtpReceiver receiver;
    std::vector<int> payload_types;
    std::optional<ReorderBuffer> reorder;  // only over UDP
    uint64_t report_ntp = 0;               // of the last sender report
    int64_t report_us = 0;                 // monotonic, when it came; 0 = none
  };

  std::optional<Failure> OpenSession(bool audio, int64_t deadline_us);
  void ForgetSession();
  std::optional<Failure> PickVideo();
  std::optional<Failure> SetUpVideo(int64_t deadline_us);
  void SetUpAudio(Carrier carrier, int64_t deadline_us);
  std::vector<Carrier> CarriersToTry() const;
  std::optional<Failure> MakeDepacketizer(Carrier carrier);

  void OnPacket(size_t track, bool rtcp, const uint8_t* data, size_t size, int64_t arrival_us) override;
  void OnRtp(size_t track, const RtpPacket& packet, int64_t arrival_us);
  void OnRtcp(size_t track, const uint8_t* data, size_t size, int64_t arrival_us);
  void GiveOutReordered(int64_t now_us);
  void SendReports(int64_t now_us);
  int64_t NextDeadline() const;
  std::optional<Failure> CheckPatience(int64_t now_us);
  Failure NoPacket(int64_t limit_us);
  Failure Stalled(int64_t limit_us);
  std::optional<Failure> FillPacket(AccessUnit unit, AVPacket* packet);
  void UseParameters(const AccessUnit& unit);
  void ReadCodedSize();
  bool IsKeyframe(const AccessUnit& unit);
  void Learn();
  void NoteSilentAudio(int64_t now_us);
  void Note(std::string line);

  SourceOptions options_;
  Waiter waiter_;
  std::unique_ptr<Session> session_;
  AvPtr<AVCodecParameters> parameters_;
  const Media* video_media_ = nullptr;
  const Format* video_format_ = nullptr;
  Carrier carrier_ = Carrier::kTcp;
  int clock_rate_ = 90'000;
  double declared_fps_ = 0;

  std::vector<Track> tracks_;  // the video first, then the audio
  std::unique_ptr<VideoDepacketizer> depacketizer_;
  std::optional<Timeline> timeline_;
  std::optional<AudioTrack> audio_;
  DecodeTimes decode_times_;
  std::optional<Patience> patience_;
  std::vector<RtpPacket> ordered_;
  std::vector<std::string> notes_;
  std::vector<uint8_t> extradata_;
  CodedSize coded_size_;

  uint32_t own_ssrc_ = 0;
  int64_t played_us_ = 0;  // monotonic, of the answer to PLAY
  int64_t next_report_us_ = INT64_MAX;
  int64_t last_video_us_ = 0;     // monotonic, of the last picture; of PLAY before the first one
  int64_t goodbye_us_ = 0;        // monotonic, of the camera's BYE; 0 = none
  size_t early_bytes_ = 0;        // received before the answer to PLAY
  bool audio_requested_ = false;  // SETUP of an audio track was sent
  bool any_packet_ = false;       // RTP or RTCP
  bool audio_silence_noted_ = false;
  bool any_keyframe_ = false;
  bool intra_refresh_ = false;  // there was no keyframe yet, and an intra refresh has begun
  bool stalled_ = false;
  bool closed_ = false;
  int64_t pictures_ = 0;
};

}  // namespace chrys::rtsp
