#include "rtsp/depacketizer.h"

namespace chrys::rtsp {

std::unique_ptr<VideoDepacketizer> MakeVideoDepacketizer(const Format& format, const Media& media, bool reliable,
                                                         const DepacketizerHabits& habits) {
  if (format.name == "H264") return MakeH264(format, reliable, habits);
  if (format.name == "H265") return MakeHevc(format, reliable, habits);
  if (format.name == "JPEG") return MakeJpeg(media, habits);
  return nullptr;
}

}  // namespace chrys::rtsp
