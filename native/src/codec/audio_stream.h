// What a stream of audio is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace chrys {

struct AudioStream {
  std::string codec_name;  // libav's
  std::vector<uint8_t> extradata;
  int sample_rate = 0;  // hertz
  int channels = 0;

  bool operator==(const AudioStream& other) const {
    return codec_name == other.codec_name && extradata == other.extradata && sample_rate == other.sample_rate &&
           channels == other.channels;
  }
  bool operator!=(const AudioStream& other) const { return !(*this == other); }
};

}  // namespace chrys
