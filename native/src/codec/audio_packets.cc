#include "codec/audio_packets.h"

#include "codec/aac_config.h"

namespace chrys {

namespace {

constexpr int kAacFrame = 1024;
constexpr int kUsualOpusFrame = kOpusRate / 50;

}  // namespace

int OpusPacketSamples(const uint8_t* data, size_t size) {
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

std::vector<uint8_t> OpusHead(int channels) {
  const auto count = static_cast<uint8_t>(channels);
  return {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, count, 0, 0, kOpusRate & 0xff, kOpusRate >> 8, 0, 0, 0, 0, 0};
}

int64_t AudioPacketSamples(const AudioStream& audio, const uint8_t* data, size_t size) {
  if (audio.codec_name == "opus") {
    const int samples = OpusPacketSamples(data, size);
    return samples > 0 ? samples : kUsualOpusFrame;
  }
  const auto config = ParseAacConfig(audio.extradata);
  if (!config) return kAacFrame;
  return int64_t{config->frame_samples} * audio.sample_rate / config->core_rate;
}

std::string WhyAudioIsNotRecorded(const std::string& codec_name) {
  if (codec_name == "aac" || codec_name == "opus") return {};
  return "Audio is not recorded: mp4 cannot hold " + codec_name + ".";
}

}  // namespace chrys
