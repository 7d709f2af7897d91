// RTP payloads to audio packets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rtsp/rtp.h"
#include "rtsp/sdp.h"
#include "source/packet_source.h"

namespace chrys::rtsp {

struct AudioUnit {
  std::vector<uint8_t> data;  // raw AAC without ADTS or LATM framing, one Opus packet, or PCM/G.711/G.726 samples
  uint32_t rtp_time = 0;
  int64_t ticks = 0;  // its length on the RTP clock; 0 = unknown
};

class AudioDepacketizer {
 public:
  virtual ~AudioDepacketizer() = default;
  virtual void Push(const RtpPacket& packet, int lost) = 0;
  // The units that were completed since the last call.
  virtual std::vector<AudioUnit> Take() = 0;
  // Whether stream() is known. With LATM and AAC, the configuration may come with the stream.
  virtual bool known() const = 0;
  // Codec name by libav ("aac", "opus", "pcm_mulaw", "pcm_alaw", "adpcm_g726", "adpcm_g726le", "pcm_s16be",
  // "pcm_s16le"), extradata, rate and channels.
  virtual const AudioStream& stream() const = 0;
};

// nullptr: the format is not supported, and `why` says why, such as "its codec is AC3".
std::unique_ptr<AudioDepacketizer> MakeAudioDepacketizer(const Format& format, std::string* why);

}  // namespace chrys::rtsp
