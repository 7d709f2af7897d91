// Which of the streams that a camera offers are recorded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "rtsp/audio.h"
#include "rtsp/sdp.h"

namespace chrys::rtsp {

// libav's codec of a video format ("H264", "H265", "JPEG"). AV_CODEC_ID_NONE: the codec is not supported.
AVCodecID VideoCodecOf(const std::string& format_name);

// The pointers are parts of the description.
struct VideoChoice {
  const Media* media = nullptr;
  const Format* format = nullptr;
  std::vector<std::string> notes;  // for the log
};

// The first video stream with a supported codec. Failures: encrypted_media, unsupported_codec, no_video.
std::optional<Failure> ChooseVideo(const SessionDescription& description, VideoChoice* choice);

// The pointers are parts of the description.
struct AudioChoice {
  const Media* media = nullptr;  // nullptr: no audio can be recorded
  const Format* format = nullptr;
  std::unique_ptr<AudioDepacketizer> depacketizer;
  std::string why_none;  // for the log
};

// The first audio stream that is not encrypted and that can be recorded.
AudioChoice ChooseAudio(const SessionDescription& description);

}  // namespace chrys::rtsp
