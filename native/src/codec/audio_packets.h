// Audio packets: their duration, and which codecs an mp4 file can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/audio_stream.h"

namespace chrys {

// Opus always counts time in units of 1/48000 s (RFC 7587, 4.1).
constexpr int kOpusRate = 48'000;

// Duration of an Opus packet in samples of kOpusRate (RFC 6716, 3.1 and 3.2). 0: the packet is damaged.
int OpusPacketSamples(const uint8_t* data, size_t size);

// The identification header of Opus (RFC 7845, 5.1), which libav's mp4 muxer takes as extradata. Its pre-skip is 0,
// because a recording begins in the middle of the stream.
std::vector<uint8_t> OpusHead(int channels);

// Duration of an AAC or Opus packet in samples of the stream's rate. The first two bytes of `data` are enough.
int64_t AudioPacketSamples(const AudioStream& audio, const uint8_t* data, size_t size);

// Why recordings leave this audio out, as a sentence. Empty: mp4 can hold it. `codec_name`: libav's.
std::string WhyAudioIsNotRecorded(const std::string& codec_name);

}  // namespace chrys
