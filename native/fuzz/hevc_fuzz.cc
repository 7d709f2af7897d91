// Fuzz target: the HEVC depacketizer. nal_packets.h describes the input.
#include "nal_packets.h"

using namespace chrys::rtsp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr uint8_t kDon = 8;
  Format format;
  format.name = "H265";
  if ((data[0] & kDon) != 0) format.fmtp["sprop-max-don-diff"] = "1";
  const auto depacketizer = MakeHevc(format, Reliable(data[0]), Habits(data[0]));
  PushPackets(*depacketizer, data + 1, size - 1);
  return 0;
}
