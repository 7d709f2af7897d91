// Codec parameters made by hand, for libav's muxers and decoders.
#pragma once

#include <vector>

#include "av_handles.h"
#include "packet_source.h"

namespace chrys {

// Samples of an AAC packet.
constexpr int kSoundFrame = 1024;

// False: there is no memory.
bool SetExtradata(AVCodecParameters* parameters, const std::vector<uint8_t>& extradata);

// What a track of sound is, but for its extradata.
void SetSoundParameters(AVCodecParameters* parameters, const AudioStream& audio);

}  // namespace chrys
