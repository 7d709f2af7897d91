#include "codec/aac_config.h"

#include <algorithm>
#include <array>

namespace chrys {

namespace {

constexpr std::array<int, 13> kRates{96'000, 88'200, 64'000, 48'000, 44'100, 32'000, 24'000,
                                     22'050, 16'000, 12'000, 11'025, 8'000,  7'350};
constexpr uint32_t kExplicitRate = 15;
constexpr int kAacLc = 2;
constexpr int kSbr = 5;
constexpr int kScalable = 6;
constexpr int kErScalable = 20;
constexpr int kErBsac = 22;
constexpr int kPs = 29;
constexpr int kEscapeType = 31;
constexpr int kErEld = 39;
constexpr int kMaxRate = 192'000;

int ReadObjectType(AudioBits& bits) {
  const auto type = static_cast<int>(bits.Read(5));
  return type == kEscapeType ? 32 + static_cast<int>(bits.Read(6)) : type;
}

// 0: reserved.
int ReadRate(AudioBits& bits) {
  const uint32_t index = bits.Read(4);
  if (index == kExplicitRate) return static_cast<int>(bits.Read(24));
  return index < kRates.size() ? kRates[index] : 0;
}

// 0: the channels are declared elsewhere, or the value is reserved.
int ChannelsOf(uint32_t configuration) {
  constexpr std::array<int, 15> kChannels{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8};
  return configuration < kChannels.size() ? kChannels[configuration] : 0;
}

// GASpecificConfig (4.4.1). False: it has a program_config_element, which is not supported.
bool ReadGaConfig(AudioBits& bits, uint32_t channels, AacConfig* config) {
  const int type = config->object_type;
  const bool is_short = bits.Read(1) != 0;
  config->frame_samples = is_short ? 960 : 1024;
  if (type == 23) config->frame_samples = is_short ? 480 : 512;
  if (bits.Read(1) != 0) bits.Skip(14);  // core coder delay
  const bool is_extended = bits.Read(1) != 0;
  if (channels == 0) return false;
  if (type == kScalable || type == kErScalable) bits.Skip(3);
  if (is_extended) {
    if (type == kErBsac) bits.Skip(16);
    if (type == 17 || type == 19 || type == kErScalable || type == 23) bits.Skip(3);
    bits.Skip(1);
  }
  return true;
}

bool IsGeneralAudio(int type) {
  return (type >= 1 && type <= 4) || type == kScalable || type == 7 || type == 17 || (type >= 19 && type <= 23);
}

}  // namespace

uint32_t AudioBits::Read(int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i, ++position_) {
    const uint32_t bit = position_ < bits_ ? data_[position_ / 8] >> (7 - position_ % 8) & 1u : 0;
    value = value << 1 | bit;
  }
  return value;
}

std::vector<uint8_t> AudioBits::Bytes(size_t count) {
  const size_t end = position_ + std::min(count, left() / 8) * 8;
  std::vector<uint8_t> bytes = Range(position_, end);
  position_ = end;
  return bytes;
}

std::vector<uint8_t> AudioBits::Range(size_t from, size_t to) const {
  to = std::min(to, bits_);
  from = std::min(from, to);
  std::vector<uint8_t> bytes((to - from + 7) / 8);
  const size_t shift = from % 8;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t at = from / 8 + i;
    int two = data_[at] << 8;
    if (at + 1 < (bits_ + 7) / 8) two |= data_[at + 1];
    bytes[i] = static_cast<uint8_t>(two >> (8 - shift));
  }
  if (const size_t used = (to - from) % 8; used != 0) bytes.back() &= static_cast<uint8_t>(0xff << (8 - used));
  return bytes;
}

std::optional<AacConfig> ReadAacConfig(AudioBits& bits) {
  AacConfig config;
  const size_t begin = bits.position();
  config.object_type = ReadObjectType(bits);
  config.core_rate = config.sample_rate = ReadRate(bits);
  const uint32_t channels = bits.Read(4);
  config.channels = ChannelsOf(channels);
  if (config.object_type == kSbr || config.object_type == kPs) {
    // Parametric stereo decodes one channel to two.
    if (config.object_type == kPs) config.channels = 2;
    config.sample_rate = ReadRate(bits);
    config.object_type = ReadObjectType(bits);
    if (config.object_type == kErBsac) bits.Skip(4);
  }
  if (IsGeneralAudio(config.object_type)) {
    if (!ReadGaConfig(bits, channels, &config)) return std::nullopt;
  } else if (config.object_type == kErEld) {
    config.frame_samples = bits.Read(1) != 0 ? 480 : 512;
  } else {
    return std::nullopt;
  }
  const bool has_rates =
      config.core_rate > 0 && config.core_rate <= kMaxRate && config.sample_rate > 0 && config.sample_rate <= kMaxRate;
  if (!bits.good() || !has_rates || config.channels == 0) return std::nullopt;
  config.extradata = bits.Range(begin, bits.position());
  return config;
}

std::optional<AacConfig> ParseAacConfig(const std::vector<uint8_t>& bytes) {
  AudioBits bits(bytes.data(), bytes.size());
  auto config = ReadAacConfig(bits);
  if (!config) return std::nullopt;
  // The rest may declare SBR in a way that older decoders ignore.
  if (bits.left() >= 16 && bits.Read(11) == 0x2b7 && ReadObjectType(bits) == kSbr && bits.Read(1) != 0) {
    const int rate = ReadRate(bits);
    if (bits.good() && rate > 0 && rate <= kMaxRate) config->sample_rate = rate;
  }
  config->extradata = bytes;
  return config;
}

std::optional<AacConfig> MakeAacConfig(int sample_rate, int channels) {
  const auto rate = std::find(kRates.begin(), kRates.end(), sample_rate);
  if (rate == kRates.end() || channels < 1 || channels > 8 || channels == 7) return std::nullopt;
  const auto index = static_cast<int>(rate - kRates.begin());
  const int bits = kAacLc << 11 | index << 7 | (channels == 8 ? 7 : channels) << 3;
  return ParseAacConfig({static_cast<uint8_t>(bits >> 8), static_cast<uint8_t>(bits)});
}

std::vector<uint8_t> ParseHex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  std::vector<uint8_t> bytes;
  // A single digit at the end is the upper half of its byte.
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = i + 1 < text.size() ? digit(text[i + 1]) : 0;
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::optional<AdtsHeader> ParseAdts(const uint8_t* data, size_t size) {
  AudioBits bits(data, size);
  if (bits.Read(12) != 0xfff) return std::nullopt;
  bits.Skip(1);  // MPEG version
  if (bits.Read(2) != 0) return std::nullopt;
  AdtsHeader header;
  header.header_bytes = bits.Read(1) != 0 ? 7 : 9;
  const uint32_t profile = bits.Read(2);
  const uint32_t rate = bits.Read(4);
  bits.Skip(1);
  const uint32_t channels = bits.Read(3);
  bits.Skip(4);
  header.frame_bytes = bits.Read(13);
  bits.Skip(11);
  const uint32_t blocks = bits.Read(2);
  if (!bits.good() || blocks != 0 || rate >= kRates.size() || channels == 0) return std::nullopt;
  if (header.frame_bytes <= header.header_bytes) return std::nullopt;
  const uint32_t config = (profile + 1) << 11 | rate << 7 | channels << 3;
  const auto parsed = ParseAacConfig({static_cast<uint8_t>(config >> 8), static_cast<uint8_t>(config)});
  if (!parsed) return std::nullopt;
  header.config = *parsed;
  return header;
}

}  // namespace chrys
