// The depacketizers behind MakeAudioDepacketizer, one for each kind of payload.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "rtsp/audio.h"

namespace chrys::rtsp {

// The common part of all audio depacketizers: the complete units, and the description of the stream.
class AudioBase : public AudioDepacketizer {
 public:
  std::vector<AudioUnit> Take() override { return std::exchange(units_, {}); }
  bool known() const override { return known_; }
  const AudioStream& stream() const override { return stream_; }

 protected:
  // Maximum number of units that wait to be taken; more are dropped.
  static constexpr size_t kMaxUnits = 512;
  // Maximum size of one unit. A unit of AAC with 48 channels is smaller.
  static constexpr size_t kMaxUnitBytes = 64 << 10;

  void Add(std::vector<uint8_t> data, uint32_t rtp_time, int64_t ticks) {
    if (!data.empty() && units_.size() < kMaxUnits) units_.push_back({std::move(data), rtp_time, ticks});
  }
  void Describe(AudioStream stream) {
    stream_ = std::move(stream);
    known_ = true;
  }

 private:
  std::vector<AudioUnit> units_;
  AudioStream stream_;
  bool known_ = false;
};

// The value of an fmtp parameter, or `otherwise` when it is missing or not a number from 0 to `max`.
inline int NumberOf(const Format& format, const char* key, int otherwise, int max) {
  const auto found = format.fmtp.find(key);
  if (found == format.fmtp.end() || found->second.empty()) return otherwise;
  char* end = nullptr;
  const long value = std::strtol(found->second.c_str(), &end, 10);
  return end == found->second.c_str() || value < 0 || value > max ? otherwise : static_cast<int>(value);
}

std::unique_ptr<AudioDepacketizer> MakeAac(const Format& format, std::string* why);
std::unique_ptr<AudioDepacketizer> MakeLatm(const Format& format, std::string* why);
std::unique_ptr<AudioDepacketizer> MakeOpus(const Format& format, std::string* why);
// Samples of a fixed number of bits.
std::unique_ptr<AudioDepacketizer> MakeSamples(const Format& format, const std::string& codec_name, int sample_bits);

}  // namespace chrys::rtsp
