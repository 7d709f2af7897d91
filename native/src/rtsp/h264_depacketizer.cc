// H.264 over RTP (RFC 6184): single NAL units, STAP-A and FU-A in every packetization mode.
#include "rtsp/nal_depacketizer.h"

namespace chrys::rtsp {

namespace {

constexpr uint8_t kStapA = 24;
constexpr uint8_t kFuA = 28;

class H264Depacketizer : public NalDepacketizer {
 public:
  H264Depacketizer(const Format& format, bool reliable, const DepacketizerHabits& habits)
      : NalDepacketizer(NalCodec::kH264, reliable, habits) {
    const auto found = format.fmtp.find("sprop-parameter-sets");
    if (found != format.fmtp.end()) sets().AddBase64(found->second);
  }

 protected:
  void Read(const uint8_t* payload, size_t size) override {
    if (size == 0) return;
    const uint8_t type = payload[0] & 0x1f;
    if (type == kStapA) {
      Aggregate(payload + 1, size - 1, 0, 0);
    } else if (type == kFuA) {
      if (size < 2) return;
      const uint8_t header = (payload[0] & 0xe0) | (payload[1] & 0x1f);
      Fragment((payload[1] & 0x80) != 0, (payload[1] & 0x40) != 0, &header, 1, payload + 2, size - 2);
    } else if (type < kStapA) {
      Single(payload, size);  // type 0: a start code comes first
    }
  }
};

}  // namespace

std::unique_ptr<VideoDepacketizer> MakeH264(const Format& format, bool reliable, const DepacketizerHabits& habits) {
  return std::make_unique<H264Depacketizer>(format, reliable, habits);
}

}  // namespace chrys::rtsp
