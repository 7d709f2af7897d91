#include "rtsp/audio_track.h"

#include <algorithm>

#include "codec/audio_packets.h"

namespace chrys::rtsp {

namespace {

constexpr size_t kMaxPackets = 512;

// Opus counts in 48 kHz, whatever its rtpmap says (RFC 7587, 4.1).
int ClockRateOf(const Format& format) { return format.name == "OPUS" ? kOpusRate : std::max(1, format.clock_rate); }

}  // namespace

AudioTrack::AudioTrack(const Format& format, std::unique_ptr<AudioDepacketizer> depacketizer, const Timeline& video)
    : clock_rate_(ClockRateOf(format)), depacketizer_(std::move(depacketizer)), timeline_(clock_rate_, video) {}

void AudioTrack::Push(const RtpPacket& packet, int lost, int64_t arrival_us, bool keep) {
  any_ = true;
  depacketizer_->Push(packet, lost);
  for (AudioUnit& unit : depacketizer_->Take()) {
    if (!keep || packets_.size() >= kMaxPackets) continue;
    const int64_t pts = timeline_.Place(unit.rtp_time, arrival_us, unit.ticks);
    packets_.push_back({std::move(unit.data), pts, AVRational{1, clock_rate_}});
  }
}

}  // namespace chrys::rtsp
