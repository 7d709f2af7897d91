#include "audio_codecs.h"

#include <algorithm>

namespace chrys {

namespace {

constexpr int64_t kAacSamples = 1024;
constexpr int64_t kMaxOpusSamples = 5760;  // 120 ms

// RFC 6716, 3.1 and 3.2, at 48 kHz.
int64_t OpusSamples(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const int config = data[0] >> 3;
  int64_t frame = 0;
  if (config < 12) {
    constexpr int64_t kSilk[] = {480, 960, 1920, 2880};
    frame = kSilk[config % 4];
  } else if (config < 16) {
    frame = config % 2 == 0 ? 480 : 960;
  } else {
    constexpr int64_t kCelt[] = {120, 240, 480, 960};
    frame = kCelt[config % 4];
  }
  const int code = data[0] & 3;
  int64_t frames = code == 0 ? 1 : 2;
  if (code == 3) frames = size < 2 ? 0 : data[1] & 0x3f;
  return std::min(frame * frames, kMaxOpusSamples);
}

}  // namespace

bool Mp4Holds(const std::string& codec_name) { return codec_name == "aac" || codec_name == "opus"; }

int64_t AudioSamples(const AudioStream& stream, const uint8_t* data, size_t size) {
  if (stream.codec_name == "aac") return kAacSamples;
  return stream.codec_name == "opus" ? OpusSamples(data, size) : 0;
}

}  // namespace chrys
