// Fuzz target: JPEG over RTP. Pictures are delivered whole or not at all, whatever a camera sends.
#include <cstdlib>

#include "media_packets.h"
#include "rtsp/depacketizer.h"

using namespace chrys::rtsp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  Media media;
  media.width = (data[0] & 1) != 0 ? 2560 : 0;
  media.height = (data[0] & 1) != 0 ? 1440 : 0;
  const auto depacketizer = MakeJpeg(media, {});
  FuzzPackets packets(data + 1, size - 1);
  RtpPacket packet;
  int lost = 0;
  int64_t arrival_us = 0;
  while (packets.Next(&packet, &lost)) {
    depacketizer->Push(packet, lost, arrival_us++);
    AccessUnit unit;
    while (depacketizer->Take(&unit)) {
      const size_t end = unit.data.size();
      if (end < 4 || unit.data[0] != 0xff || unit.data[1] != 0xd8) std::abort();
      if (unit.data[end - 2] != 0xff || unit.data[end - 1] != 0xd9) std::abort();
    }
  }
  return 0;
}
