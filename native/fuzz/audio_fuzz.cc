// Fuzz target: audio over RTP. The first byte chooses the format.
#include <cstdlib>

#include "media_packets.h"
#include "rtsp/audio.h"

using namespace chrys::rtsp;

namespace {

Format FormatOf(uint8_t choice, const std::string& config) {
  Format format;
  format.name = "MPEG4-GENERIC";
  format.clock_rate = 16'000;
  switch (choice % 9) {
    case 0:
      format.fmtp = {{"mode", "AAC-hbr"}, {"config", "1408"}};
      break;
    case 1:
      break;
    case 2:
      format.fmtp = {{"config", config}, {"sizelength", "6"}, {"indexlength", "2"}, {"auxiliarydatasizelength", "8"}};
      break;
    case 3:
      format.fmtp = {{"config", "1408"}, {"constantsize", "3"}, {"ctsdeltalength", "7"}};
      break;
    case 4:
      format.name = "MP4A-LATM";
      break;
    case 5:
      format.name = "MP4A-LATM";
      format.fmtp = {{"cpresent", "0"}, {"config", config}};
      break;
    case 6:
      format.name = "OPUS";
      break;
    case 7:
      format.name = "G726-24";
      break;
    default:
      format.name = "L16";
      format.channels = 2;
      break;
  }
  return format;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kConfigBytes = 6;
  if (size < 1 + kConfigBytes) return 0;
  std::string config;
  for (size_t i = 1; i <= kConfigBytes; ++i) {
    config += "0123456789abcdef"[data[i] >> 4];
    config += "0123456789abcdef"[data[i] & 15];
  }
  std::string why;
  const auto audio = MakeAudioDepacketizer(FormatOf(data[0], config), &why);
  if (audio == nullptr) {
    if (why.empty()) std::abort();
    return 0;
  }
  FuzzPackets packets(data + 1 + kConfigBytes, size - 1 - kConfigBytes);
  RtpPacket packet;
  int lost = 0;
  while (packets.Next(&packet, &lost)) {
    audio->Push(packet, lost);
    for (const auto& unit : audio->Take()) {
      if (unit.data.empty() || unit.ticks < 0 || !audio->known()) std::abort();
    }
  }
  return 0;
}
