#include "mp4/segment_box.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/byte_order.h"

namespace chrys {

namespace {

// Identifies our boxes. A random number.
constexpr std::array<uint8_t, 16> kUuid{0x6c, 0x1d, 0x8e, 0x52, 0x0b, 0x93, 0x4f, 0x7a,
                                        0xa4, 0x60, 0x3e, 0xd7, 0x15, 0xc2, 0x98, 0xbf};
constexpr int64_t kVersion = 1;
constexpr size_t kBoxHeader = 8;
constexpr size_t kLargeBoxHeader = 16;
// Limit of the search. A file has about five boxes, and ours is the last one.
constexpr int kMaxBoxes = 32;
constexpr int64_t kMaxContent = 16 << 20;
constexpr int64_t kMaxSamples = 500'000;
constexpr int64_t kMaxExtradata = 1 << 20;
// Flags of a packet. Earlier releases never set kDamagedBit.
constexpr int64_t kKeyframeBit = 1;
constexpr int64_t kDamagedBit = 2;
// Limit of a segment's duration. Recordings are far shorter, and the segment index cannot hold more.
constexpr double kMaxSeconds = 1e9;
constexpr int64_t kMaxArrivalUs = 8'640'000'000'000'000'000;

// Writes numbers as varints: seven bits per byte, the sign in the lowest bit. Most numbers are small differences.
class Writer {
 public:
  void Number(int64_t value) {
    uint64_t rest = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
    for (; rest >= 0x80; rest >>= 7) out.push_back(static_cast<uint8_t>(rest | 0x80));
    out.push_back(static_cast<uint8_t>(rest));
  }
  template <typename Container>
  void Bytes(const Container& bytes) {
    Number(static_cast<int64_t>(bytes.size()));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  std::vector<uint8_t> out;
};

class Reader {
 public:
  explicit Reader(const std::vector<uint8_t>& bytes) : bytes_(bytes) {}

  int64_t Number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (position_ >= bytes_.size()) break;
      const uint8_t byte = bytes_[position_++];
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    good_ = false;
    return 0;
  }
  // `max_size` limits what a damaged file can request.
  template <typename Container>
  Container Bytes(int64_t max_size) {
    const int64_t size = Number();
    if (size < 0 || size > max_size || position_ + static_cast<size_t>(size) > bytes_.size()) {
      good_ = false;
      return {};
    }
    const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(position_);
    position_ += static_cast<size_t>(size);
    return Container(begin, begin + size);
  }
  bool good() const { return good_; }

 private:
  const std::vector<uint8_t>& bytes_;
  size_t position_ = 0;
  bool good_ = true;
};

// Sum and difference that wrap around, because the numbers of a damaged file can overflow.
int64_t Sum(int64_t one, int64_t other) {
  return static_cast<int64_t>(static_cast<uint64_t>(one) + static_cast<uint64_t>(other));
}
int64_t Difference(int64_t one, int64_t other) {
  return static_cast<int64_t>(static_cast<uint64_t>(one) - static_cast<uint64_t>(other));
}

void WriteSamples(Writer& writer, const std::vector<SegmentSample>& samples) {
  writer.Number(static_cast<int64_t>(samples.size()));
  const PacketInfo& first = samples.front().packet;
  writer.Number(first.sequence);
  writer.Number(first.connection);
  writer.Number(first.time_base_num);
  writer.Number(first.time_base_den);
  SegmentSample before;
  for (const SegmentSample& sample : samples) {
    const PacketInfo& packet = sample.packet;
    writer.Number((packet.is_keyframe ? kKeyframeBit : 0) | (packet.is_damaged ? kDamagedBit : 0));
    writer.Number(packet.size);
    writer.Number(sample.offset - before.offset - before.packet.size);
    writer.Number(Difference(packet.pts, before.packet.pts));
    writer.Number(Difference(packet.dts, before.packet.dts));
    writer.Number(packet.arrival_us - before.packet.arrival_us);
    writer.Number(Difference(packet.sender_us, before.packet.sender_us));
    writer.Number(Difference(packet.keyframe_count, before.packet.keyframe_count));
    writer.Number(packet.gop_index);
    before = sample;
  }
}

void WriteAudio(Writer& writer, const Segment& segment) {
  writer.Number(static_cast<int64_t>(segment.audio_samples.size()));
  if (segment.audio_samples.empty()) return;
  const AudioStream& audio = *segment.stream.audio;
  writer.Bytes(audio.codec_name);
  writer.Bytes(audio.extradata);
  writer.Number(audio.sample_rate);
  writer.Number(audio.channels);
  AudioSample last;
  for (const AudioSample& sample : segment.audio_samples) {
    writer.Number(sample.size);
    writer.Number(sample.offset - last.offset - last.size);
    writer.Number(sample.time - last.time);
    last = sample;
  }
}

// Reads the next sample. `sample`: the previous one, which becomes the next one. False: damaged.
bool ReadSample(Reader& reader, SegmentSample* sample) {
  PacketInfo& packet = sample->packet;
  const int64_t flags = reader.Number();
  packet.is_keyframe = (flags & kKeyframeBit) != 0;
  packet.is_damaged = (flags & kDamagedBit) != 0;
  const int64_t end_before = Sum(sample->offset, packet.size);
  const int64_t size = reader.Number();
  if (size < 0 || size > INT32_MAX) return false;
  packet.size = static_cast<int32_t>(size);
  sample->offset = Sum(end_before, reader.Number());
  packet.pts = Sum(packet.pts, reader.Number());
  packet.dts = Sum(packet.dts, reader.Number());
  packet.arrival_us = Sum(packet.arrival_us, reader.Number());
  packet.sender_us = Sum(packet.sender_us, reader.Number());
  packet.keyframe_count = Sum(packet.keyframe_count, reader.Number());
  packet.gop_index = static_cast<int32_t>(reader.Number());
  return sample->offset >= 0 && sample->offset <= INT64_MAX / 2 && packet.arrival_us >= 1 &&
         packet.arrival_us <= kMaxArrivalUs;
}

// False: damaged.
bool ReadAudio(Reader& reader, Segment* segment) {
  const int64_t count = reader.Number();
  if (!reader.good() || count < 0 || count > kMaxSamples) return false;
  if (count == 0) return true;
  AudioStream& audio = segment->stream.audio.emplace();
  audio.codec_name = reader.Bytes<std::string>(64);
  audio.extradata = reader.Bytes<std::vector<uint8_t>>(kMaxExtradata);
  audio.sample_rate = static_cast<int>(reader.Number());
  audio.channels = static_cast<int>(reader.Number());
  if (!reader.good() || audio.sample_rate < 1 || audio.channels < 1) return false;
  AudioSample sample;
  for (int64_t i = 0; i < count && reader.good(); ++i) {
    const int64_t end_before = Sum(sample.offset, sample.size);
    const int64_t size = reader.Number();
    if (size < 0 || size > INT32_MAX) return false;
    sample.size = static_cast<int32_t>(size);
    sample.offset = Sum(end_before, reader.Number());
    const int64_t step = reader.Number();
    if (sample.offset < 0 || sample.offset > INT64_MAX / 2 || step < 0 || step > INT32_MAX) return false;
    sample.time += step;
    segment->audio_samples.push_back(sample);
  }
  return reader.good();
}

}  // namespace

std::vector<uint8_t> SegmentBox(const Segment& segment) {
  Writer writer;
  writer.Number(kVersion);
  writer.Bytes(segment.stream.codec_name);
  writer.Bytes(segment.stream.extradata);
  writer.Bytes(segment.parameter_sets);
  writer.Number(segment.stream.width);
  writer.Number(segment.stream.height);
  writer.Number(segment.duration);
  WriteSamples(writer, segment.samples);
  WriteAudio(writer, segment);
  std::vector<uint8_t> box;
  AppendBig32(&box, static_cast<uint32_t>(kBoxHeader + kUuid.size() + writer.out.size()));
  for (const char letter : {'u', 'u', 'i', 'd'}) box.push_back(static_cast<uint8_t>(letter));
  box.insert(box.end(), kUuid.begin(), kUuid.end());
  box.insert(box.end(), writer.out.begin(), writer.out.end());
  return box;
}

std::optional<std::vector<uint8_t>> FindSegmentBox(const SegmentBytes& bytes) {
  int64_t offset = 0;
  std::array<uint8_t, kLargeBoxHeader + 16> head{};
  for (int i = 0; i < kMaxBoxes; ++i) {
    const int64_t left = bytes.size() - offset;
    const size_t known = static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(head.size())));
    if (left < static_cast<int64_t>(kBoxHeader) || !bytes.Read(offset, head.data(), known)) return std::nullopt;
    auto size = int64_t{ReadBig32(head.data())};
    if (size == 1 && known >= kLargeBoxHeader) size = static_cast<int64_t>(ReadBig64(head.data() + kBoxHeader));
    if (size < static_cast<int64_t>(kBoxHeader) || size > left) return std::nullopt;
    const auto content = static_cast<int64_t>(kBoxHeader + kUuid.size());
    if (std::memcmp(head.data() + 4, "uuid", 4) == 0 && size > content && size < kMaxContent &&
        std::memcmp(head.data() + kBoxHeader, kUuid.data(), kUuid.size()) == 0) {
      std::vector<uint8_t> found(static_cast<size_t>(size - content));
      if (!bytes.Read(offset + content, found.data(), found.size())) return std::nullopt;
      return found;
    }
    offset += size;
  }
  return std::nullopt;
}

std::optional<Segment> ParseSegmentBox(const std::vector<uint8_t>& content) {
  Reader reader(content);
  if (reader.Number() != kVersion) return std::nullopt;
  Segment segment;
  segment.stream.codec_name = reader.Bytes<std::string>(64);
  segment.stream.extradata = reader.Bytes<std::vector<uint8_t>>(kMaxExtradata);
  segment.parameter_sets = reader.Bytes<std::vector<uint8_t>>(kMaxExtradata);
  segment.stream.width = static_cast<int>(reader.Number());
  segment.stream.height = static_cast<int>(reader.Number());
  segment.duration = reader.Number();
  const int64_t count = reader.Number();
  SegmentSample sample;
  PacketInfo& packet = sample.packet;
  int64_t sequence = reader.Number();
  packet.connection = static_cast<int32_t>(reader.Number());
  packet.time_base_num = static_cast<int32_t>(reader.Number());
  packet.time_base_den = static_cast<int32_t>(reader.Number());
  if (!reader.good() || count < 1 || count > kMaxSamples || sequence < 1 || sequence > INT64_MAX / 2 ||
      packet.time_base_num < 1 || packet.time_base_den < 1 || segment.duration < 0) {
    return std::nullopt;
  }
  if (static_cast<double>(segment.duration) * packet.time_base_num / packet.time_base_den > kMaxSeconds)
    return std::nullopt;
  for (int64_t i = 0; i < count && reader.good(); ++i) {
    packet.sequence = sequence++;
    if (!ReadSample(reader, &sample)) return std::nullopt;
    segment.samples.push_back(sample);
  }
  if (!reader.good() || !segment.samples.front().packet.is_keyframe || !ReadAudio(reader, &segment))
    return std::nullopt;
  return segment;
}

}  // namespace chrys
