// AAC configurations: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) and ADTS headers (1.A.2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace chrys {

// Reads bits, the highest bit of a byte first. Beyond the end it returns zeros, and good() is false.
class AudioBits {
 public:
  AudioBits(const uint8_t* data, size_t size) : data_(data), bits_(size * 8) {}

  // `count`: 0 to 32.
  uint32_t Read(int count);
  void Skip(size_t count) { position_ += count; }
  // Up to `count` bytes from the current position, which may lie within a byte.
  std::vector<uint8_t> Bytes(size_t count);
  // The bits [from, to) as bytes. The last byte is filled up with zeros.
  std::vector<uint8_t> Range(size_t from, size_t to) const;
  size_t position() const { return position_; }
  size_t left() const { return position_ < bits_ ? bits_ - position_ : 0; }
  bool good() const { return position_ <= bits_; }

 private:
  const uint8_t* const data_;
  const size_t bits_;
  size_t position_ = 0;
};

struct AacConfig {
  std::vector<uint8_t> extradata;  // AudioSpecificConfig
  int object_type = 0;
  int core_rate = 0;         // coded samples per second
  int sample_rate = 0;       // decoded samples per second: twice core_rate with SBR
  int channels = 0;          // decoded channels
  int frame_samples = 1024;  // at core_rate
};

// Reads an AudioSpecificConfig; `bits` then stands behind it. nullopt: invalid, or of a kind without a frame length.
std::optional<AacConfig> ReadAacConfig(AudioBits& bits);
std::optional<AacConfig> ParseAacConfig(const std::vector<uint8_t>& bytes);

// AAC-LC with this rate and these channels.
std::optional<AacConfig> MakeAacConfig(int sample_rate, int channels);

// The bytes of a hexadecimal number. Empty: not a hexadecimal number.
std::vector<uint8_t> ParseHex(std::string_view text);

struct AdtsHeader {
  size_t header_bytes = 0;
  size_t frame_bytes = 0;  // header included
  AacConfig config;
};

// nullopt: no ADTS frame with a single block of audio begins here.
std::optional<AdtsHeader> ParseAdts(const uint8_t* data, size_t size);

}  // namespace chrys
