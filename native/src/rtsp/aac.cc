// AAC over RTP by RFC 3640 ("MPEG4-GENERIC").
#include "codec/aac_config.h"
#include "rtsp/audio_formats.h"

namespace chrys::rtsp {

namespace {

constexpr int kMaxFieldBits = 32;
// Maximum number of AU headers in one packet.
constexpr size_t kMaxUnitsPerPacket = 256;

// The RTP ticks of `frames` frames. They are counted together, because one frame need not be a whole number of ticks.
int64_t TicksOf(const AacConfig& config, int clock_rate, int64_t frames) {
  return frames * config.frame_samples * clock_rate / config.core_rate;
}

class Aac : public AudioBase {
 public:
  // `guess`: the configuration that applies if neither the SDP nor an ADTS header has one.
  Aac(const Format& format, std::optional<AacConfig> config, std::optional<AacConfig> guess);
  void Push(const RtpPacket& packet, int lost) override;

 private:
  bool ReadHeaders(const RtpPacket& packet, std::vector<size_t>* sizes, size_t* payload_at) const;
  void PushFragment(const uint8_t* data, size_t size, size_t unit_bytes, const RtpPacket& packet);
  void EndFragment();
  // `index`: the unit's position in its packet, from 0.
  void AddUnit(const uint8_t* data, size_t size, uint32_t rtp_time, int64_t index);
  void Learn(const AacConfig& config);

  const int clock_rate_;
  const std::optional<AacConfig> guess_;
  // Bits of the fields of an AU header.
  int size_bits_ = 0;
  int index_bits_ = 0;
  int index_delta_bits_ = 0;
  int cts_bits_ = 0;
  int dts_bits_ = 0;
  int random_access_bits_ = 0;
  int state_bits_ = 0;
  int auxiliary_bits_ = 0;
  int constant_bytes_ = 0;
  std::optional<AacConfig> config_;

  // The unit in progress, which comes in several packets.
  std::vector<uint8_t> fragment_;
  size_t fragment_bytes_ = 0;  // of the whole unit; 0 = the marker shows its end
  uint32_t fragment_time_ = 0;
  // The camera writes the size of the part into each part of a unit, and not the size of the whole unit.
  bool own_sizes_ = false;
  bool skips_ = false;  // up to the next marker
  // The camera sets no marker although its units are whole.
  bool never_marks_ = false;
};

Aac::Aac(const Format& format, std::optional<AacConfig> config, std::optional<AacConfig> guess)
    : clock_rate_(format.clock_rate), guess_(std::move(guess)) {
  const auto mode = format.fmtp.find("mode");
  const bool is_low = mode != format.fmtp.end() && (mode->second == "AAC-lbr" || mode->second == "aac-lbr");
  constant_bytes_ = NumberOf(format, "constantsize", 0, kMaxUnitBytes);
  // Without a mode, AAC-hbr applies.
  const bool has_constant = constant_bytes_ > 0;
  size_bits_ = NumberOf(format, "sizelength", has_constant ? 0 : is_low ? 6 : 13, kMaxFieldBits);
  index_bits_ = NumberOf(format, "indexlength", has_constant ? 0 : is_low ? 2 : 3, kMaxFieldBits);
  index_delta_bits_ = NumberOf(format, "indexdeltalength", index_bits_, kMaxFieldBits);
  cts_bits_ = NumberOf(format, "ctsdeltalength", 0, kMaxFieldBits);
  dts_bits_ = NumberOf(format, "dtsdeltalength", 0, kMaxFieldBits);
  random_access_bits_ = NumberOf(format, "randomaccessindication", 0, 1);
  state_bits_ = NumberOf(format, "streamstateindication", 0, kMaxFieldBits);
  auxiliary_bits_ = NumberOf(format, "auxiliarydatasizelength", 0, kMaxFieldBits);
  if (config) Learn(*config);
}

void Aac::Learn(const AacConfig& config) {
  config_ = config;
  Describe({"aac", config.extradata, config.sample_rate, config.channels});
}

// Reads the sizes of the units in the packet, and where the first one begins. False: the headers do not fit the
// packet.
bool Aac::ReadHeaders(const RtpPacket& packet, std::vector<size_t>* sizes, size_t* payload_at) const {
  *payload_at = 0;
  const int first_bits = size_bits_ + index_bits_;
  const bool has_headers = first_bits + cts_bits_ + dts_bits_ + random_access_bits_ + state_bits_ > 0;
  AudioBits bits(packet.payload, packet.size);
  if (has_headers) {
    const size_t header_bits = bits.Read(16);
    const size_t end = 16 + header_bits;
    if (packet.size < 2 || header_bits == 0 || end > packet.size * 8) return false;
    while (bits.position() < end && sizes->size() < kMaxUnitsPerPacket) {
      const bool is_first = sizes->empty();
      sizes->push_back(size_bits_ > 0 ? bits.Read(size_bits_) : static_cast<size_t>(constant_bytes_));
      bits.Skip(static_cast<size_t>(is_first ? index_bits_ : index_delta_bits_));
      if (cts_bits_ > 0 && bits.Read(1) != 0) bits.Skip(static_cast<size_t>(cts_bits_));
      if (dts_bits_ > 0 && bits.Read(1) != 0) bits.Skip(static_cast<size_t>(dts_bits_));
      bits.Skip(static_cast<size_t>(random_access_bits_) + static_cast<size_t>(state_bits_));
      if (bits.position() > end) sizes->pop_back();  // padding
    }
    *payload_at = (end + 7) / 8;
  }
  if (auxiliary_bits_ > 0) {
    AudioBits auxiliary(packet.payload + *payload_at, packet.size - *payload_at);
    const size_t size = auxiliary.Read(auxiliary_bits_);
    const size_t bytes = (static_cast<size_t>(auxiliary_bits_) + size + 7) / 8;
    if (!auxiliary.good() || bytes > packet.size - *payload_at) return false;
    *payload_at += bytes;
  }
  // Without sizes the packet holds units of the constant size, or one.
  const size_t left = packet.size - *payload_at;
  if (!has_headers) {
    const size_t each = constant_bytes_ > 0 ? static_cast<size_t>(constant_bytes_) : left;
    for (size_t at = 0; each > 0 && at + each <= left && sizes->size() < kMaxUnitsPerPacket; at += each) {
      sizes->push_back(each);
    }
  }
  return !sizes->empty();
}

void Aac::Push(const RtpPacket& packet, int lost) {
  if (lost > 0) {
    // A part that carries its own size looks like a whole unit. So the rest of the unit is skipped.
    if (own_sizes_ || (!fragment_.empty() && fragment_bytes_ == 0)) skips_ = true;
    fragment_.clear();
  }
  if (skips_) {
    skips_ = !packet.marker;
    return;
  }
  // Some cameras leave out the AU headers and send only ADTS.
  if (const auto adts = ParseAdts(packet.payload, packet.size); adts && adts->frame_bytes <= packet.size) {
    AddUnit(packet.payload, packet.size, packet.timestamp, 0);
    return;
  }
  std::vector<size_t> sizes;
  size_t at = 0;
  if (!ReadHeaders(packet, &sizes, &at)) {
    fragment_.clear();
    return;
  }
  if (sizes.size() == 1) {
    PushFragment(packet.payload + at, packet.size - at, sizes.front(), packet);
    return;
  }
  EndFragment();
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > packet.size - at) return;
    AddUnit(packet.payload + at, sizes[i], packet.timestamp, static_cast<int64_t>(i));
    at += sizes[i];
  }
}

// Takes a packet with one unit or a part of one. RFC 3640 writes the size of the whole unit into each part; some
// cameras write the size of the part.
void Aac::PushFragment(const uint8_t* data, size_t size, size_t unit_bytes, const RtpPacket& packet) {
  if (!fragment_.empty() && packet.timestamp != fragment_time_) EndFragment();
  const bool is_part = unit_bytes > size;
  if (!is_part) size = unit_bytes;
  if (fragment_.empty()) {
    if (!is_part && (packet.marker || never_marks_)) {
      AddUnit(data, size, packet.timestamp, 0);
      return;
    }
    // The rest of a unit whose beginning was lost also ends with a marker, but its sizes never match.
    fragment_bytes_ = is_part ? unit_bytes : 0;
    fragment_time_ = packet.timestamp;
  }
  if (fragment_.size() + size > kMaxUnitBytes) {
    fragment_.clear();
    return;
  }
  fragment_.insert(fragment_.end(), data, data + size);
  const bool is_whole = fragment_bytes_ > 0 ? fragment_.size() >= fragment_bytes_ : packet.marker;
  if (is_whole) {
    if (fragment_bytes_ == 0 && fragment_.size() > size) own_sizes_ = true;
    if (fragment_bytes_ == 0 || fragment_.size() == fragment_bytes_) {
      AddUnit(fragment_.data(), fragment_.size(), fragment_time_, 0);
    }
    fragment_.clear();
  } else if (packet.marker) {
    fragment_.clear();
  }
}

// Ends the unit in progress, because the next one begins.
void Aac::EndFragment() {
  if (!fragment_.empty() && fragment_bytes_ == 0) {
    AddUnit(fragment_.data(), fragment_.size(), fragment_time_, 0);
    never_marks_ = true;
  }
  fragment_.clear();
}

void Aac::AddUnit(const uint8_t* data, size_t size, uint32_t rtp_time, int64_t index) {
  // Raw AAC never begins like an ADTS header. Several ADTS frames may follow each other.
  auto adts = ParseAdts(data, size);
  if (adts && adts->frame_bytes <= size) {
    if (!config_) Learn(adts->config);
    for (; adts && adts->frame_bytes <= size; ++index) {
      const int64_t from = TicksOf(*config_, clock_rate_, index);
      Add({data + adts->header_bytes, data + adts->frame_bytes}, rtp_time + static_cast<uint32_t>(from),
          TicksOf(*config_, clock_rate_, index + 1) - from);
      data += adts->frame_bytes;
      size -= adts->frame_bytes;
      adts = ParseAdts(data, size);
    }
    return;
  }
  if (!config_ && guess_) Learn(*guess_);
  if (!config_) return;
  const int64_t from = TicksOf(*config_, clock_rate_, index);
  Add({data, data + size}, rtp_time + static_cast<uint32_t>(from), TicksOf(*config_, clock_rate_, index + 1) - from);
}

}  // namespace

std::unique_ptr<AudioDepacketizer> MakeAac(const Format& format, std::string* why) {
  const auto mode = format.fmtp.find("mode");
  if (mode != format.fmtp.end() && mode->second.rfind("CELP", 0) == 0) {
    *why = "its codec is " + mode->second;
    return nullptr;
  }
  std::optional<AacConfig> config;
  const auto found = format.fmtp.find("config");
  if (const auto bytes = ParseHex(found == format.fmtp.end() ? std::string() : found->second); !bytes.empty()) {
    config = ParseAacConfig(bytes);
    if (!config) {
      *why = "its AAC configuration " + found->second.substr(0, 64) + " is not supported";
      return nullptr;
    }
  }
  Format usable = format;
  if (usable.clock_rate <= 0) usable.clock_rate = config ? config->sample_rate : 0;
  if (usable.clock_rate <= 0) {
    *why = "its sample rate is unknown";
    return nullptr;
  }
  // Most cameras without a configuration send AAC-LC as their rtpmap says.
  return std::make_unique<Aac>(usable, config, MakeAacConfig(usable.clock_rate, std::max(1, usable.channels)));
}

}  // namespace chrys::rtsp
