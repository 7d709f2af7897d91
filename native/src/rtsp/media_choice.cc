#include "rtsp/media_choice.h"

#include <utility>

#include "codec/audio_packets.h"
#include "rtsp/status.h"

namespace chrys::rtsp {

AVCodecID VideoCodecOf(const std::string& format_name) {
  if (format_name == "H264") return AV_CODEC_ID_H264;
  if (format_name == "H265") return AV_CODEC_ID_HEVC;
  if (format_name == "JPEG") return AV_CODEC_ID_MJPEG;
  return AV_CODEC_ID_NONE;
}

std::optional<Failure> ChooseVideo(const SessionDescription& description, VideoChoice* choice) {
  std::string unsupported;
  bool encrypted = false;
  for (const Media& media : description.media) {
    if (media.kind != "video") continue;
    for (const Format& format : media.formats) {
      if (VideoCodecOf(format.name) == AV_CODEC_ID_NONE) {
        if (unsupported.empty()) unsupported = CameraText(format.name);
        continue;
      }
      if (media.encrypted) {
        encrypted = true;
        continue;
      }
      if (choice->media == nullptr) {
        choice->media = &media;
        choice->format = &format;
      } else {
        choice->notes.push_back("The camera offers a second video track (" + CameraText(format.name) + ", " +
                                CameraText(media.control) + "): the first one is used.");
      }
      break;
    }
  }
  if (choice->media != nullptr) return std::nullopt;
  if (encrypted) return Failure{end::kEncryptedMedia, "", 0};
  if (!unsupported.empty()) return Failure{end::kUnsupportedCodec, "The codec is " + unsupported + ".", 0};
  return Failure{end::kNoVideo, "", 0};
}

AudioChoice ChooseAudio(const SessionDescription& description) {
  AudioChoice choice;
  std::string why;
  for (const Media& media : description.media) {
    if (media.kind != "audio" || media.back_channel) continue;
    if (media.encrypted) {
      why = "Audio is not recorded: it is encrypted.";
      continue;
    }
    for (const Format& format : media.formats) {
      std::string problem;
      auto depacketizer = MakeAudioDepacketizer(format, &problem);
      if (depacketizer) problem = WhyAudioIsNotRecorded(depacketizer->stream().codec_name);
      if (depacketizer && problem.empty()) return {&media, &format, std::move(depacketizer), ""};
      if (why.empty()) why = problem.rfind("Audio", 0) == 0 ? problem : "Audio is not recorded: " + problem + ".";
    }
  }
  choice.why_none = why.empty() ? "Audio is not recorded: the camera does not offer it." : why;
  return choice;
}

}  // namespace chrys::rtsp
