// Codec parameters made by hand, for libav's muxers and decoders.
#pragma once

#include <vector>

#include "av_handles.h"
#include "packet_source.h"

namespace chrys {

// False: there is no memory.
bool SetExtradata(AVCodecParameters* parameters, const std::vector<uint8_t>& extradata);

// What a track of sound is, but for its extradata.
void SetSoundParameters(AVCodecParameters* parameters, const AudioStream& audio);

// Whether its decoder wants SPS and PPS.
bool HasParameterSets(AVCodecID codec);

// Those that a packet itself carries, Annex B; empty: none.
std::vector<uint8_t> ParameterSetsIn(const AVCodecParameters* parameters, const AVPacket* packet);

}  // namespace chrys
