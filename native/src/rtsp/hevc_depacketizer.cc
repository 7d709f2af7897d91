// HEVC over RTP (RFC 7798): single NAL units, AP and FU, with DONL and DOND if the session description says so.
#include <cstdlib>

#include "rtsp/nal_depacketizer.h"

namespace chrys::rtsp {

namespace {

constexpr uint8_t kAp = 48;
constexpr uint8_t kFu = 49;
constexpr size_t kHeaderBytes = 2;
constexpr size_t kDonlBytes = 2;
constexpr size_t kDondBytes = 1;

class HevcDepacketizer : public NalDepacketizer {
 public:
  HevcDepacketizer(const Format& format, bool reliable, const DepacketizerHabits& habits)
      : NalDepacketizer(NalCodec::kHevc, reliable, habits) {
    for (const char* key : {"sprop-vps", "sprop-sps", "sprop-pps"}) {
      const auto found = format.fmtp.find(key);
      if (found != format.fmtp.end()) sets().AddBase64(found->second);
    }
    const auto found = format.fmtp.find("sprop-max-don-diff");
    has_don_ = found != format.fmtp.end() && std::strtol(found->second.c_str(), nullptr, 10) > 0;
  }

 protected:
  void Read(const uint8_t* payload, size_t size) override {
    if (size < kHeaderBytes) return;
    const uint8_t type = (payload[0] >> 1) & 0x3f;
    if (type == kAp) {
      Aggregate(payload + kHeaderBytes, size - kHeaderBytes, has_don_ ? kDonlBytes : 0, has_don_ ? kDondBytes : 0);
    } else if (type == kFu) {
      ReadFragment(payload, size);
    } else if (type < kAp) {
      ReadSingle(payload, size);
    }
  }

 private:
  void ReadSingle(const uint8_t* payload, size_t size) {
    if (!has_don_) return Single(payload, size);
    if (size < kHeaderBytes + kDonlBytes) return;
    const uint8_t header[kHeaderBytes] = {payload[0], payload[1]};
    Fragment(true, true, header, kHeaderBytes, payload + kHeaderBytes + kDonlBytes, size - kHeaderBytes - kDonlBytes);
  }

  void ReadFragment(const uint8_t* payload, size_t size) {
    if (size < kHeaderBytes + 1) return;
    const uint8_t fu = payload[kHeaderBytes];
    const bool start = (fu & 0x80) != 0;
    const size_t skip = kHeaderBytes + 1 + (has_don_ && start ? kDonlBytes : 0);
    if (size < skip) return;
    const uint8_t header[kHeaderBytes] = {static_cast<uint8_t>((payload[0] & 0x81) | (fu & 0x3f) << 1), payload[1]};
    Fragment(start, (fu & 0x40) != 0, header, kHeaderBytes, payload + skip, size - skip);
  }

  bool has_don_ = false;
};

}  // namespace

std::unique_ptr<VideoDepacketizer> MakeHevc(const Format& format, bool reliable, const DepacketizerHabits& habits) {
  return std::make_unique<HevcDepacketizer>(format, reliable, habits);
}

}  // namespace chrys::rtsp
