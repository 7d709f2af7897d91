#include "parameters.h"

#include <cstring>

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
  parameters->frame_size = kSoundFrame;
}

}  // namespace chrys
