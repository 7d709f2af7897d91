#include "parameters.h"

#include <cstring>

#include "audio_packets.h"

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

void SetSoundParameters(AVCodecParameters* parameters, const AudioStream& audio) {
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(audio.codec_name.c_str());
  parameters->codec_type = AVMEDIA_TYPE_AUDIO;
  parameters->codec_id = codec == nullptr ? AV_CODEC_ID_NONE : codec->id;
  parameters->sample_rate = audio.sample_rate;
  av_channel_layout_default(&parameters->ch_layout, audio.channels);
  // The usual length; packets of Opus say their own.
  parameters->frame_size = static_cast<int>(AudioPacketSamples(audio, nullptr, 0));
}

bool HasParameterSets(AVCodecID codec) { return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC; }

std::vector<uint8_t> ParameterSetsIn(const AVCodecParameters* parameters, const AVPacket* packet) {
  AVBSFContext* raw = nullptr;
  if (av_bsf_alloc(av_bsf_get_by_name("extract_extradata"), &raw) < 0) return {};
  const AvPtr<AVBSFContext> filter(raw);
  const AvPtr<AVPacket> copy(av_packet_clone(packet));
  if (!copy || avcodec_parameters_copy(filter->par_in, parameters) < 0 || av_bsf_init(filter.get()) < 0) return {};
  if (av_bsf_send_packet(filter.get(), copy.get()) < 0 || av_bsf_receive_packet(filter.get(), copy.get()) < 0) return {};
  size_t size = 0;
  const uint8_t* data = av_packet_get_side_data(copy.get(), AV_PKT_DATA_NEW_EXTRADATA, &size);
  return data == nullptr ? std::vector<uint8_t>() : std::vector<uint8_t>(data, data + size);
}

}  // namespace chrys
