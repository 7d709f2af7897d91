// AAC over RTP by RFC 6416 ("MP4A-LATM"): audioMuxElements of ISO/IEC 14496-3, 1.7.
#include "codec/aac_config.h"
#include "rtsp/audio_formats.h"

namespace chrys::rtsp {

namespace {

// The fields of StreamMuxConfig that a single stream of AAC uses.
struct MuxConfig {
  AacConfig aac;
  int sub_frames = 1;
  int length_type = 0;
  size_t frame_bits = 0;  // of length_type 1
  size_t other_bits = 0;
};

uint32_t ReadValue(AudioBits& bits) {
  const int bytes = static_cast<int>(bits.Read(2)) + 1;
  return bits.Read(8 * bytes);
}

// nullopt: the configuration is damaged, or has several programs, several layers or another codec.
std::optional<MuxConfig> ReadMuxConfig(AudioBits& bits) {
  MuxConfig mux;
  const bool version = bits.Read(1) != 0;
  if (version && bits.Read(1) != 0) return std::nullopt;
  if (version) ReadValue(bits);  // taraBufferFullness
  bits.Skip(1);                  // allStreamsSameTimeFraming
  mux.sub_frames = static_cast<int>(bits.Read(6)) + 1;
  if (bits.Read(4) != 0 || bits.Read(3) != 0) return std::nullopt;
  if (version) {
    const size_t config_bits = ReadValue(bits);
    const size_t begin = bits.position();
    if (config_bits > bits.left()) return std::nullopt;
    const auto aac = ParseAacConfig(bits.Range(begin, begin + config_bits));
    if (!aac) return std::nullopt;
    mux.aac = *aac;
    bits.Skip(config_bits);
  } else {
    const auto aac = ReadAacConfig(bits);
    if (!aac) return std::nullopt;
    mux.aac = *aac;
  }
  mux.length_type = static_cast<int>(bits.Read(3));
  if (mux.length_type == 0) {
    bits.Skip(8);  // latmBufferFullness
  } else if (mux.length_type == 1) {
    mux.frame_bits = 8 * (size_t{bits.Read(9)} + 20);
  } else {
    return std::nullopt;
  }
  if (bits.Read(1) != 0) {  // otherData
    if (version) {
      mux.other_bits = ReadValue(bits);
    } else {
      bool more = true;
      while (more && bits.good()) {
        more = bits.Read(1) != 0;
        mux.other_bits = (mux.other_bits << 8 | bits.Read(8)) & 0xffff'ffff;
      }
    }
  }
  if (bits.Read(1) != 0) bits.Skip(8);  // CRC
  if (!bits.good()) return std::nullopt;
  return mux;
}

class Latm : public AudioBase {
 public:
  Latm(int clock_rate, bool in_band, std::optional<MuxConfig> mux) : clock_rate_(clock_rate), in_band_(in_band) {
    if (mux) Learn(*mux);
  }
  void Push(const RtpPacket& packet, int lost) override;

 private:
  void ReadElements(const std::vector<uint8_t>& bytes, uint32_t rtp_time);
  // False: the element is damaged, or its configuration has not come yet.
  bool ReadElement(AudioBits& bits, uint32_t rtp_time, int64_t* frames);
  void Learn(const MuxConfig& mux);

  const int clock_rate_;
  const bool in_band_;  // each element may carry a configuration
  std::optional<MuxConfig> mux_;
  // Elements up to the marker.
  std::vector<uint8_t> elements_;
  uint32_t time_ = 0;
  bool broken_ = false;
};

void Latm::Learn(const MuxConfig& mux) {
  const bool is_same = mux_ && mux_->aac.extradata == mux.aac.extradata;
  mux_ = mux;
  if (!is_same) Describe({"aac", mux.aac.extradata, mux.aac.sample_rate, mux.aac.channels});
}

void Latm::Push(const RtpPacket& packet, int lost) {
  if (lost > 0) broken_ = true;
  if (!elements_.empty() && packet.timestamp != time_) {
    // The camera sets no marker, or it was lost.
    if (!broken_) ReadElements(elements_, time_);
    elements_.clear();
    broken_ = false;
  }
  time_ = packet.timestamp;
  if (elements_.size() + packet.size > kMaxUnitBytes) broken_ = true;
  if (!broken_) elements_.insert(elements_.end(), packet.payload, packet.payload + packet.size);
  if (!packet.marker) return;
  if (!broken_) ReadElements(elements_, time_);
  elements_.clear();
  broken_ = false;
}

void Latm::ReadElements(const std::vector<uint8_t>& bytes, uint32_t rtp_time) {
  AudioBits bits(bytes.data(), bytes.size());
  int64_t frames = 0;
  while (bits.left() >= 8 && ReadElement(bits, rtp_time, &frames)) {
    // Elements begin at whole bytes.
    bits.Skip((8 - bits.position() % 8) % 8);
  }
}

bool Latm::ReadElement(AudioBits& bits, uint32_t rtp_time, int64_t* frames) {
  if (in_band_ && bits.Read(1) == 0) {
    const auto mux = ReadMuxConfig(bits);
    if (!mux) return false;
    Learn(*mux);
  }
  if (!mux_) return false;
  for (int i = 0; i < mux_->sub_frames; ++i) {
    size_t bytes = mux_->frame_bits / 8;
    if (mux_->length_type == 0) {
      uint32_t part = 0;
      do {
        part = bits.Read(8);
        bytes += part;
      } while (part == 255 && bits.good());
    }
    if (!bits.good() || bytes * 8 > bits.left()) return false;
    const int64_t samples = mux_->aac.frame_samples;
    const auto ticks = [&](int64_t count) { return count * samples * clock_rate_ / mux_->aac.core_rate; };
    Add(bits.Bytes(bytes), rtp_time + static_cast<uint32_t>(ticks(*frames)), ticks(*frames + 1) - ticks(*frames));
    ++*frames;
  }
  bits.Skip(mux_->other_bits);
  return bits.good();
}

}  // namespace

std::unique_ptr<AudioDepacketizer> MakeLatm(const Format& format, std::string* why) {
  std::optional<MuxConfig> mux;
  const auto found = format.fmtp.find("config");
  const auto bytes = ParseHex(found == format.fmtp.end() ? std::string() : found->second);
  if (!bytes.empty()) {
    AudioBits bits(bytes.data(), bytes.size());
    mux = ReadMuxConfig(bits);
    if (!mux) {
      *why = "its LATM configuration " + found->second.substr(0, 64) + " is not supported";
      return nullptr;
    }
  }
  // The default of "cpresent" is 1. But a camera that writes a configuration into the SDP and no "cpresent" sends none
  // in the stream.
  const bool in_band = NumberOf(format, "cpresent", mux ? 0 : 1, 1) != 0;
  if (!in_band && !mux) {
    *why = "its LATM configuration is missing";
    return nullptr;
  }
  const int clock_rate = format.clock_rate > 0 ? format.clock_rate : mux ? mux->aac.sample_rate : 90'000;
  return std::make_unique<Latm>(clock_rate, in_band, mux);
}

}  // namespace chrys::rtsp
