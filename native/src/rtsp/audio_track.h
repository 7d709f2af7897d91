// The audio of an RTSP source: from RTP packets to packets with times on the clock of the video.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "rtsp/audio.h"
#include "rtsp/rtp.h"
#include "rtsp/sdp.h"
#include "rtsp/timeline.h"
#include "source/packet_source.h"

namespace chrys::rtsp {

class AudioTrack {
 public:
  // `video` outlives it and is used on the same thread.
  AudioTrack(const Format& format, std::unique_ptr<AudioDepacketizer> depacketizer, const Timeline& video);

  int clock_rate() const { return clock_rate_; }
  // nullptr: the stream is not known yet.
  const AudioStream* stream() const { return depacketizer_->known() ? &depacketizer_->stream() : nullptr; }
  // Whether a packet has come.
  bool any() const { return any_; }

  // Takes the next packet in order; `lost` packets are missing before it. The units that it completes are kept only if
  // `keep`.
  void Push(const RtpPacket& packet, int lost, int64_t arrival_us, bool keep);
  void OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us) {
    timeline_.OnSenderReport(rtp_time, ntp, arrival_us);
  }
  // The packets since the last call: at most 512, about 10 s; more are dropped.
  std::vector<AudioPacket> Take() { return std::exchange(packets_, {}); }

 private:
  const int clock_rate_;
  std::unique_ptr<AudioDepacketizer> depacketizer_;
  AudioTimeline timeline_;
  std::vector<AudioPacket> packets_;
  bool any_ = false;
};

}  // namespace chrys::rtsp
