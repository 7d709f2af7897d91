#include "rtsp/audio.h"

#include "codec/audio_packets.h"
#include "rtsp/audio_formats.h"

namespace chrys::rtsp {

namespace {

constexpr int kMaxChannels = 8;

// RFC 7587: each RTP packet holds one Opus packet. The clock runs at 48 kHz, whatever the rtpmap says.
class Opus : public AudioBase {
 public:
  explicit Opus(int channels) { Describe({"opus", OpusHead(channels), kOpusRate, channels}); }
  void Push(const RtpPacket& packet, int) override {
    const int samples = OpusPacketSamples(packet.payload, packet.size);
    if (samples > 0) Add({packet.payload, packet.payload + packet.size}, packet.timestamp, samples);
  }
};

class Samples : public AudioBase {
 public:
  Samples(const std::string& codec_name, int rate, int channels, int sample_bits) : bits_(channels * sample_bits) {
    Describe({codec_name, {}, rate, channels});
  }
  void Push(const RtpPacket& packet, int) override {
    const auto bits = static_cast<int64_t>(packet.size) * 8;
    const int64_t samples = bits / bits_;
    const auto bytes = static_cast<size_t>((samples * bits_ + 7) / 8);
    Add({packet.payload, packet.payload + bytes}, packet.timestamp, samples);
  }

 private:
  const int bits_;  // of one sample of all channels
};

bool EndsWith(const std::string& text, const char* end) {
  const std::string ending = end;
  return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// "G726" packs its words from the lowest bit (RFC 3551, 4.5.4). "AAL2-G726" packs them from the highest bit.
std::unique_ptr<AudioDepacketizer> MakeG726(const Format& format) {
  const bool is_aal2 = format.name.rfind("AAL2-", 0) == 0;
  for (const int bits : {2, 3, 4, 5}) {
    const std::string end = "G726-" + std::to_string(8 * bits);
    if (EndsWith(format.name, end.c_str())) return MakeSamples(format, is_aal2 ? "adpcm_g726" : "adpcm_g726le", bits);
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<AudioDepacketizer> MakeOpus(const Format& format, std::string*) {
  // By RFC 7587 the rtpmap always says two channels. The packets themselves say whether they are stereo.
  return std::make_unique<Opus>(format.channels == 1 ? 1 : 2);
}

std::unique_ptr<AudioDepacketizer> MakeSamples(const Format& format, const std::string& codec_name, int sample_bits) {
  const int rate = format.clock_rate > 0 ? format.clock_rate : 8000;
  const int channels = format.channels >= 1 && format.channels <= kMaxChannels ? format.channels : 1;
  return std::make_unique<Samples>(codec_name, rate, channels, sample_bits);
}

std::unique_ptr<AudioDepacketizer> MakeAudioDepacketizer(const Format& format, std::string* why) {
  const std::string& name = format.name;
  if (name == "MPEG4-GENERIC") return MakeAac(format, why);
  if (name == "MP4A-LATM") return MakeLatm(format, why);
  if (name == "OPUS") return MakeOpus(format, why);
  if (name == "PCMU") return MakeSamples(format, "pcm_mulaw", 8);
  if (name == "PCMA") return MakeSamples(format, "pcm_alaw", 8);
  if (name == "L16") return MakeSamples(format, "pcm_s16be", 16);
  // Hikvision's name for little-endian samples, under the payload type of L16.
  if (name == "PCM") return MakeSamples(format, "pcm_s16le", 16);
  if (name.find("G726-") != std::string::npos) {
    if (auto depacketizer = MakeG726(format)) return depacketizer;
  }
  *why = "its codec is " + (name.empty() ? "unknown" : name.substr(0, 64));
  return nullptr;
}

}  // namespace chrys::rtsp
