// Codec parameters that are filled in by hand for libav's muxers and decoders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "base/result.h"
#include "codec/audio_stream.h"

namespace chrys {

// False: out of memory.
bool SetExtradata(AVCodecParameters* parameters, const std::vector<uint8_t>& extradata);

// Parameters of a video stream. Width and height in pixels, 0 = not known.
// Errors: libav does not know the codec, or there is no memory.
Result<AvPtr<AVCodecParameters>> MakeVideoParameters(const std::string& codec_name, int width, int height,
                                                     const std::vector<uint8_t>& extradata);

// Sets everything of an audio track except its extradata.
void SetAudioParameters(AVCodecParameters* parameters, const AudioStream& audio);

// Whether the codec has parameter sets (SPS and PPS).
bool HasParameterSets(AVCodecID codec);

// Default of the maximum number of pixels of a picture, width times height.
constexpr int64_t kDefaultMaxPixels = 8192LL * 4320;

// The failure when a picture of this size (pixels) exceeds `max_pixels`; else nullopt.
std::optional<Failure> TooManyPixels(int64_t width, int64_t height, int64_t max_pixels);

// The size in pixels that the frame header (SOF, ITU-T T.81 B.2.2) of a JPEG picture declares. False: no frame header.
bool JpegSize(const uint8_t* data, size_t bytes, int* width, int* height);

// The parameter sets in a packet, Annex B. Empty: none.
std::vector<uint8_t> ParameterSetsIn(const AVCodecParameters* parameters, const AVPacket* packet);

}  // namespace chrys
