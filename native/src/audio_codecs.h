// What is known of audio codecs beside what libav says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "packet_source.h"

namespace chrys {

// Whether mp4 can hold that codec (libav's name) as players expect it.
bool Mp4Holds(const std::string& codec_name);

// Samples of one packet, at the stream's rate; 0 = not known.
int64_t AudioSamples(const AudioStream& stream, const uint8_t* data, size_t size);

}  // namespace chrys
