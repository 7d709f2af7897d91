// Fuzz target: the H.264 depacketizer. nal_packets.h describes the input.
#include "nal_packets.h"

using namespace chrys::rtsp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr uint8_t kDescription = 8;
  Format format;
  format.name = "H264";
  if ((data[0] & kDescription) != 0) {
    // The value of the session description comes first: a byte of length, then the text.
    if (size < 2 || data[1] > size - 2) return 0;
    format.fmtp["sprop-parameter-sets"] = std::string(data + 2, data + 2 + data[1]);
  }
  const auto depacketizer = MakeH264(format, Reliable(data[0]), Habits(data[0]));
  const size_t skip = (data[0] & kDescription) != 0 ? 2 + size_t{data[1]} : 1;
  PushPackets(*depacketizer, data + skip, size - skip);
  return 0;
}
