// Codec parameters made by hand, for libav's muxers and decoders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "source/packet_source.h"

namespace chrys {

// False: there is no memory.
bool SetExtradata(AVCodecParameters* parameters, const std::vector<uint8_t>& extradata);

// What a track of sound is, but for its extradata.
void SetAudioParameters(AVCodecParameters* parameters, const AudioStream& audio);

// Whether its decoder wants SPS and PPS.
bool HasParameterSets(AVCodecID codec);

// Maximum number of pixels of a picture, width times height, unless the options say otherwise.
constexpr int64_t kDefaultMaxPixels = 8192LL * 4320;

// Why a picture of that size is refused; nullopt: it is not.
std::optional<Failure> TooManyPixels(int64_t width, int64_t height, int64_t max_pixels);

// The size that the frame header (SOF, ITU-T T.81 B.2.2) of a JPEG picture declares. False: there is none.
bool JpegSize(const uint8_t* data, size_t bytes, int* width, int* height);

// Those that a packet itself carries, Annex B; empty: none.
std::vector<uint8_t> ParameterSetsIn(const AVCodecParameters* parameters, const AVPacket* packet);

}  // namespace chrys
