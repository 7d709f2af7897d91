#include "audio.h"

#include "audio_formats.h"

namespace chrys::rtsp {

namespace {

constexpr int kOpusRate = 48'000;
constexpr int kMaxChannels = 8;

// The length of an Opus packet in samples of 48 kHz (RFC 6716, 3.1 and 3.2). 0: it is damaged.
int OpusSamples(const uint8_t* data, size_t size) {
  constexpr int kSilk[]{480, 960, 1920, 2880};
  constexpr int kMaxSamples = 5760;  // 120 ms
  if (size == 0) return 0;
  const int configuration = data[0] >> 3;
  int frame = 120 << (configuration & 3);
  if (configuration < 12) {
    frame = kSilk[configuration & 3];
  } else if (configuration < 16) {
    frame = 480 << (configuration & 1);
  }
  int frames = 1;
  if ((data[0] & 3) == 3) {
    if (size < 2) return 0;
    frames = data[1] & 63;
  } else if ((data[0] & 3) != 0) {
    frames = 2;
  }
  return frame * frames <= kMaxSamples ? frame * frames : 0;
}

// RFC 7587: each packet is one of Opus, and the clock runs at 48 kHz whatever the rtpmap says.
class Opus : public AudioBase {
 public:
  explicit Opus(int channels) {
    // The identification header of Ogg (RFC 7845, 5.1), which mp4 is made from. Nothing is skipped at the beginning: the
    // recording begins in the middle of the stream.
    const auto count = static_cast<uint8_t>(channels);
    Describe({"opus", {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, count, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0}, kOpusRate, channels});
  }
  void Push(const RtpPacket& packet, int) override {
    const int samples = OpusSamples(packet.payload, packet.size);
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

// G.726 packs its words from the lowest bit (RFC 3551, 4.5.4), and from the highest under its name of AAL2.
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
  // RFC 7587 writes two channels always; the packets say themselves whether they are stereo.
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
