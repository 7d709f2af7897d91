#include "codec/parameters.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/byte_order.h"
#include "codec/audio_packets.h"

extern "C" {
#include <libavutil/channel_layout.h>
}

namespace chrys {

bool SetExtradata(AVCodecParameters* parameters, const std::vector<uint8_t>& extradata) {
  av_freep(&parameters->extradata);
  parameters->extradata_size = 0;
  if (extradata.empty()) return true;
  parameters->extradata = static_cast<uint8_t*>(av_mallocz(extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (parameters->extradata == nullptr) return false;
  std::memcpy(parameters->extradata, extradata.data(), extradata.size());
  parameters->extradata_size = static_cast<int>(extradata.size());
  return true;
}

Result<AvPtr<AVCodecParameters>> MakeVideoParameters(const std::string& codec_name, int width, int height,
                                                     const std::vector<uint8_t>& extradata) {
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(codec_name.c_str());
  if (codec == nullptr) return Error{"libav does not know the codec \"" + codec_name + "\"."};
  AvPtr<AVCodecParameters> parameters(avcodec_parameters_alloc());
  if (!parameters) return OutOfMemory();
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = codec->id;
  parameters->width = width;
  parameters->height = height;
  if (!SetExtradata(parameters.get(), extradata)) return OutOfMemory();
  return parameters;
}

void SetAudioParameters(AVCodecParameters* parameters, const AudioStream& audio) {
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(audio.codec_name.c_str());
  parameters->codec_type = AVMEDIA_TYPE_AUDIO;
  parameters->codec_id = codec == nullptr ? AV_CODEC_ID_NONE : codec->id;
  parameters->sample_rate = audio.sample_rate;
  av_channel_layout_default(&parameters->ch_layout, audio.channels);
  // The usual duration. Opus packets declare their own.
  parameters->frame_size = static_cast<int>(AudioPacketSamples(audio, nullptr, 0));
}

bool HasParameterSets(AVCodecID codec) { return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC; }

std::optional<Failure> TooManyPixels(int64_t width, int64_t height, int64_t max_pixels) {
  if (width <= 0 || height <= 0 || width <= max_pixels / height) return std::nullopt;
  return Failure{end::kTooManyPixels, "the stream declares pictures of " + std::to_string(width) + "x" +
                                          std::to_string(height) + ", which is more than the limit of " +
                                          std::to_string(max_pixels) + " pixels (max_pixels)"};
}

bool JpegSize(const uint8_t* data, size_t bytes, int* width, int* height) {
  size_t at = 0;
  while (at + 4 <= bytes) {
    if (data[at] != 0xff) return false;
    const uint8_t marker = data[at + 1];
    // Fill bytes, and the one marker without a length.
    if (marker == 0xff || marker == 0xd8) {
      at += marker == 0xff ? 1 : 2;
      continue;
    }
    // The picture's data begins here, so no frame header follows.
    if (marker == 0xda || marker == 0xd9) return false;
    const size_t length = ReadBig16(data + at + 2);
    const bool frame_header = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame_header) {
      if (length < 8 || at + 9 > bytes) return false;
      *height = ReadBig16(data + at + 5);
      *width = ReadBig16(data + at + 7);
      return *width > 0 && *height > 0;
    }
    at += 2 + std::max<size_t>(2, length);
  }
  return false;
}

std::vector<uint8_t> ParameterSetsIn(const AVCodecParameters* parameters, const AVPacket* packet) {
  AVBSFContext* raw = nullptr;
  if (av_bsf_alloc(av_bsf_get_by_name("extract_extradata"), &raw) < 0) return {};
  const AvPtr<AVBSFContext> filter(raw);
  const AvPtr<AVPacket> copy(av_packet_clone(packet));
  if (!copy || avcodec_parameters_copy(filter->par_in, parameters) < 0 || av_bsf_init(filter.get()) < 0) return {};
  if (av_bsf_send_packet(filter.get(), copy.get()) < 0 || av_bsf_receive_packet(filter.get(), copy.get()) < 0)
    return {};
  size_t size = 0;
  const uint8_t* data = av_packet_get_side_data(copy.get(), AV_PKT_DATA_NEW_EXTRADATA, &size);
  return data == nullptr ? std::vector<uint8_t>() : std::vector<uint8_t>(data, data + size);
}

}  // namespace chrys
