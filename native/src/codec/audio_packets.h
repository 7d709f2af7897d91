// Packets of audio: how long they are, and which of them files can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "source/packet_source.h"

namespace chrys {

// Opus counts in 48 kHz, whatever was recorded (RFC 7587, 4.1).
constexpr int kOpusRate = 48'000;

// The length of an Opus packet in samples of kOpusRate (RFC 6716, 3.1 and 3.2). 0: it is damaged.
int OpusPacketSamples(const uint8_t* data, size_t size);

// The identification header of Opus (RFC 7845, 5.1), which libav's mp4 muxer takes as extradata. Its pre-skip is 0,
// because a recording begins in the middle of the stream.
std::vector<uint8_t> OpusHead(int channels);

// Length of a packet in samples of the stream's rate. Only for AAC and Opus. `data` may hold only the first bytes.
int64_t AudioPacketSamples(const AudioStream& audio, const uint8_t* data, size_t size);

// Why recordings leave this audio out, as a sentence; empty: mp4 holds it as it is. `codec_name`: libav's.
std::string WhyAudioIsNotRecorded(const std::string& codec_name);

}  // namespace chrys
