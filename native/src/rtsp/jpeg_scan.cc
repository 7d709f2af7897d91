#include "rtsp/jpeg_scan.h"

#include <algorithm>
#include <array>

namespace chrys::rtsp {

namespace {

constexpr int kFastBits = 9;
constexpr int kMaxCodeBits = 16;
// Every unit has more bits than this. So this many bits or fewer at the end are padding.
constexpr int kMaxPaddingBits = 15;

// Reads the bits of the data, without stuffed zeros. Stops before a marker, and yields zeros from there on.
class BitReader {
 public:
  BitReader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  // Reads up to 16 bits, which may lie after the end.
  uint32_t Peek(int bits) {
    Fill();
    return static_cast<uint32_t>(buffer_ >> (64 - bits));
  }
  void Skip(int bits) {
    buffer_ <<= bits;
    buffered_ -= bits;
  }
  // False: more bits were skipped than the data have.
  bool good() const { return buffered_ >= 0; }
  // Only padding is left before the next marker or the end.
  bool AtEnd() {
    Fill();
    return stopped_ && buffered_ <= kMaxPaddingBits;
  }
  // Continues after a restart marker. False: there is none here.
  bool TakeRestart() {
    if (!AtEnd()) return false;
    // Fill bytes may precede a marker.
    size_t at = position_;
    while (at + 1 < size_ && data_[at] == 0xff && data_[at + 1] == 0xff) ++at;
    if (at + 1 >= size_ || data_[at] != 0xff || data_[at + 1] < 0xd0 || data_[at + 1] > 0xd7) return false;
    position_ = at + 2;
    buffer_ = 0;
    buffered_ = 0;
    stopped_ = false;
    return true;
  }

 private:
  void Fill() {
    while (buffered_ <= 48 && !stopped_) {
      if (position_ >= size_) {
        stopped_ = true;
        return;
      }
      const uint8_t byte = data_[position_];
      if (byte == 0xff) {
        if (position_ + 1 >= size_ || data_[position_ + 1] != 0) {
          stopped_ = true;
          return;
        }
        ++position_;
      }
      ++position_;
      buffer_ |= static_cast<uint64_t>(byte) << (56 - buffered_);
      buffered_ += 8;
    }
  }

  const uint8_t* const data_;
  const size_t size_;
  size_t position_ = 0;
  uint64_t buffer_ = 0;  // the next bits, from the top
  int buffered_ = 0;
  bool stopped_ = false;
};

// Finds codes by their first bits, longer ones by their length (T.81, F.2.2.3).
class Codes {
 public:
  explicit Codes(const HuffmanTable& table) : values_(table.values) {
    int32_t code = 0;
    size_t index = 0;
    for (int bits = 1; bits <= kMaxCodeBits; ++bits, code <<= 1) {
      const size_t length = static_cast<size_t>(bits);
      offset_[length] = static_cast<int32_t>(index) - code;
      for (int i = 0; i < table.counts[length - 1] && index < values_.size(); ++i, ++index, ++code) {
        if (bits > kFastBits || code >= 1 << bits) continue;
        const auto first = static_cast<size_t>(code) << (kFastBits - bits);
        for (size_t at = first; at < first + (size_t{1} << (kFastBits - bits)); ++at) {
          fast_[at] = static_cast<uint16_t>(bits << 8 | values_[index]);
        }
      }
      end_[length] = code;
    }
  }

  // The next value, or -1 when no code fits.
  int Next(BitReader& reader) const {
    const uint32_t next = reader.Peek(kMaxCodeBits);
    if (const uint16_t found = fast_[next >> (kMaxCodeBits - kFastBits)]; found != 0) {
      reader.Skip(found >> 8);
      return found & 0xff;
    }
    for (int bits = kFastBits + 1; bits <= kMaxCodeBits; ++bits) {
      const auto code = static_cast<int32_t>(next >> (kMaxCodeBits - bits));
      const size_t length = static_cast<size_t>(bits);
      if (code >= end_[length]) continue;
      const int32_t index = code + offset_[length];
      if (index < 0 || static_cast<size_t>(index) >= values_.size()) return -1;
      reader.Skip(bits);
      return values_[static_cast<size_t>(index)];
    }
    return -1;
  }

 private:
  const std::vector<uint8_t>& values_;
  std::array<uint16_t, 1 << kFastBits> fast_{};  // length and value; 0: the code is longer
  std::array<int32_t, kMaxCodeBits + 1> end_{};  // one past the last code of that length
  std::array<int32_t, kMaxCodeBits + 1> offset_{};
};

// Reads a block of 64 coefficients. `dc` holds the predicted first coefficient, and then that of this block. False: the
// data are damaged.
bool ReadBlock(BitReader& reader, const Codes& dc_codes, const Codes& ac_codes, int* dc) {
  const int category = dc_codes.Next(reader);
  if (category < 0 || category > 11) return false;
  if (category > 0) {
    const auto bits = static_cast<int>(reader.Peek(category));
    reader.Skip(category);
    *dc += bits >> (category - 1) != 0 ? bits : bits - (1 << category) + 1;
    *dc = std::clamp(*dc, INT16_MIN, INT16_MAX);
  }
  for (int coefficient = 1; coefficient < 64;) {
    const int symbol = ac_codes.Next(reader);
    if (symbol < 0) return false;
    const int bits = symbol & 15;
    if (bits == 0) {
      if (symbol == 0) return reader.good();
      if (symbol != 0xf0) return false;
      coefficient += 16;
      continue;
    }
    coefficient += (symbol >> 4) + 1;
    if (bits > 10 || coefficient > 64) return false;
    reader.Skip(bits);
  }
  return reader.good();
}

}  // namespace

std::optional<JpegScan> ReadJpegScan(const uint8_t* data, size_t size, bool is_420, int restart_interval,
                                     const HuffmanTables& tables) {
  const Codes luma_dc(tables.dc[0]);
  const Codes luma_ac(tables.ac[0]);
  const Codes chroma_dc(tables.dc[1]);
  const Codes chroma_ac(tables.ac[1]);
  const int luma_blocks = is_420 ? 4 : 2;
  JpegScan scan;
  BitReader reader(data, size);
  int dc[3]{};
  const auto interval = static_cast<size_t>(std::max(0, restart_interval));
  for (;;) {
    if (interval > 0 && scan.units > 0 && scan.units % interval == 0) {
      if (!reader.TakeRestart()) break;
      dc[0] = dc[1] = dc[2] = 0;
    }
    // Some encoders write a restart marker also after the last unit.
    if (reader.AtEnd()) break;
    for (int block = 0; block < luma_blocks; ++block) {
      if (!ReadBlock(reader, luma_dc, luma_ac, &dc[0])) return std::nullopt;
      if (block == 0) scan.brightness.push_back(static_cast<int16_t>(dc[0]));
    }
    if (!ReadBlock(reader, chroma_dc, chroma_ac, &dc[1])) return std::nullopt;
    if (!ReadBlock(reader, chroma_dc, chroma_ac, &dc[2])) return std::nullopt;
    ++scan.units;
  }
  if (scan.units == 0 || !reader.AtEnd()) return std::nullopt;
  return scan;
}

}  // namespace chrys::rtsp
