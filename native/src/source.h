// A camera's packets as libav demuxes them from an RTSP session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access_units.h"
#include "av_handles.h"
#include "failure.h"
#include "interrupt.h"
#include "packet_source.h"

namespace chrys {

struct SourceOptions {
  std::string url;
  std::string transport;  // "tcp" or "udp"
  int64_t open_timeout_us = 0;
  int64_t stall_timeout_us = 0;
  bool audio = false;  // hand out sound as well
};

class Source : public PacketSource {
 public:
  // `interrupt` outlives the source; its deadline is set by it.
  Source(const SourceOptions& options, Interrupt& interrupt) : options_(options), interrupt_(interrupt) {}

  // At most open_timeout_us.
  std::optional<Failure> Open() override;

  std::optional<Failure> Read(AVPacket* packet) override;

  const AVCodecParameters* parameters() const override;
  AVRational time_base() const override;
  // From RTCP sender reports (RFC 3550).
  int64_t SenderUs(int64_t pts) const override;
  double declared_fps() const override;
  const AudioStream* audio() const override { return audio_stream_ == nullptr ? nullptr : &audio_; }
  std::string audio_note() const override { return audio_note_; }
  std::vector<AudioPacket> TakeAudio() override { return std::exchange(audio_packets_, {}); }

 private:
  std::optional<Failure> OpenRtsp();
  std::optional<Failure> PickStreams();
  void PickAudioStream();
  void KeepAudio(const AVPacket* packet);
  std::optional<Failure> Interrupted(const char* deadline_end, const std::string& deadline_message) const;
  int ReadRaw(AVPacket* packet);
  int ReadAccessUnit(AVPacket* packet);
  int64_t StallTimeoutUs() const;
  void FillTimestamps(AVPacket* packet);
  int64_t UsualDuration() const;
  void NoteSenderTime(const AVPacket* packet);

  const SourceOptions options_;
  Interrupt& interrupt_;
  AvPtr<AVFormatContext> format_;
  AVStream* stream_ = nullptr;
  AVStream* audio_stream_ = nullptr;
  AudioStream audio_;
  std::string audio_note_;
  std::vector<AudioPacket> audio_packets_;
  std::optional<AccessUnits> access_units_;  // of an RTSP session with H.264 or HEVC

  int64_t last_packet_us_ = 0;  // monotonic
  int64_t usual_gap_us_ = 0;    // between packets, moving average

  // Timestamps, in units of time_base().
  int64_t max_pts_ = INT64_MIN;
  int64_t last_dts_ = INT64_MIN;
  int64_t reorder_ticks_ = 0;  // how far pts was seen to run behind the greatest before it: dts lags pts by that much
  int64_t last_duration_ = 0;
  int64_t sender_us_ = 0;   // of sender_pts_; 0 = no sender report yet
  int64_t sender_pts_ = 0;
};

}  // namespace chrys
