// Fuzz target: session descriptions. The result is bounded.
#include "rtsp/sdp.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace chrys::rtsp;

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckMedia(const Media& media) {
  Check(media.formats.size() <= 32);
  Check(media.frame_rate >= 0 && media.frame_rate <= 1000);
  Check(media.width >= 0 && media.width <= 65535 && media.height >= 0 && media.height <= 65535);
  Check(media.port >= 0 && media.port <= 65535);
  Check(!media.back_channel || media.kind == "audio");
  for (const Format& format : media.formats) {
    Check(!format.name.empty() && format.payload_type >= 0 && format.payload_type <= 127);
    Check(format.clock_rate > 0 && format.channels >= 1 && format.channels <= 8);
    Check(format.fmtp.size() <= 64);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const SessionDescription description = ParseSdp(std::string_view(reinterpret_cast<const char*>(data), size));
  Check(description.media.size() <= 32);
  for (const Media& media : description.media) CheckMedia(media);
  return 0;
}
