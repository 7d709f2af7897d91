#include "frames/frame_message.h"

#include <cstring>

namespace chrys {

namespace {

// Wire types of the protobuf encoding.
constexpr uint32_t kVarint = 0;
constexpr uint32_t kFixed64 = 1;
constexpr uint32_t kBytes = 2;

constexpr size_t kMaxExtradata = 16384;

class Writer {
 public:
  explicit Writer(std::vector<uint8_t>* out) : out_(*out) {}

  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<uint8_t>(value | 0x80));
    out_.push_back(static_cast<uint8_t>(value));
  }

  void WideVarint(int64_t value) {
    auto rest = static_cast<uint64_t>(value);
    for (int i = 0; i < 9; ++i, rest >>= 7) out_.push_back(static_cast<uint8_t>((rest & 0x7f) | 0x80));
    out_.push_back(static_cast<uint8_t>(rest));
  }

  void Tag(uint32_t field, uint32_t wire_type) { Varint((field << 3) | wire_type); }

  void Integer(uint32_t field, int64_t value) {
    Tag(field, kVarint);
    Varint(static_cast<uint64_t>(value));
  }

  void WideInteger(uint32_t field, int64_t value) {
    Tag(field, kVarint);
    WideVarint(value);
  }

  void Double(uint32_t field, double value) {
    Tag(field, kFixed64);
    uint8_t bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.insert(out_.end(), bytes, bytes + sizeof value);
  }

  void Bytes(uint32_t field, const void* data, size_t size) {
    if (size == 0) return;
    Tag(field, kBytes);
    Varint(size);
    const auto* bytes = static_cast<const uint8_t*>(data);
    out_.insert(out_.end(), bytes, bytes + size);
  }

  void Text(uint32_t field, const std::string& text) { Bytes(field, text.data(), text.size()); }

 private:
  std::vector<uint8_t>& out_;
};

std::vector<uint8_t> Dim(int64_t size, const std::string& name) {
  std::vector<uint8_t> out;
  Writer writer(&out);
  writer.Integer(1, size);
  writer.Text(2, name);
  return out;
}

std::vector<uint8_t> Shape(const FrameShape& shape, size_t data_bytes) {
  std::vector<int64_t> sizes{shape.height, shape.width, 3};
  if (shape.format == kFormatGray8) sizes = {shape.height, shape.width};
  if (shape.format == kFormatI420) sizes = {int64_t{shape.height} * 3 / 2, shape.width};
  if (shape.format == kFormatJpeg) sizes = {static_cast<int64_t>(data_bytes)};
  std::vector<uint8_t> out;
  Writer writer(&out);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto dim = Dim(sizes[i], std::to_string(i));
    writer.Bytes(2, dim.data(), dim.size());
  }
  return out;
}

}  // namespace

std::vector<uint8_t> ShownExtradata(const uint8_t* extradata, size_t bytes) {
  if (bytes > kMaxExtradata) return {};
  return std::vector<uint8_t>(extradata, extradata + bytes);
}

std::vector<uint8_t> FrameMessageHead(const FrameShape& shape, const FrameFacts& facts, size_t data_bytes) {
  const PacketInfo& packet = facts.packet;
  std::vector<uint8_t> out;
  out.reserve(256 + shape.extradata.size());
  Writer writer(&out);
  writer.Integer(1, shape.width);
  writer.Integer(2, shape.height);
  writer.WideInteger(4, packet.arrival_us / 1000);
  writer.Integer(5, packet.is_keyframe ? 1 : 0);
  writer.WideInteger(6, packet.pts);
  writer.WideInteger(7, packet.dts);
  writer.Bytes(8, &facts.type, 1);
  writer.Integer(9, facts.corrupt ? 1 : 0);
  writer.Double(10, static_cast<double>(packet.time_base_num) / packet.time_base_den);
  const auto dims = Shape(shape, data_bytes);
  writer.Bytes(11, dims.data(), dims.size());
  writer.Text(12, shape.device_id);
  writer.WideInteger(13, packet.gop_index);
  writer.WideInteger(14, packet.keyframe_count);
  writer.Bytes(15, shape.extradata.data(), shape.extradata.size());
  writer.Text(16, shape.codec_name);
  writer.Text(17, shape.pixel_format);
  writer.WideInteger(100, facts.frame_id);
  writer.WideInteger(101, packet.arrival_us);
  writer.WideInteger(102, packet.sender_us);
  writer.Integer(104, shape.format);
  if (facts.gap_ms > 0) writer.Integer(105, facts.gap_ms);
  if (packet.original_us > 0) {
    writer.WideInteger(106, packet.original_us);
    writer.WideInteger(107, packet.original_id);
  }
  writer.Tag(3, kBytes);
  writer.Varint(data_bytes);
  return out;
}

}  // namespace chrys
