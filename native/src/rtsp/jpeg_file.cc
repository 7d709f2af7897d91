#include "rtsp/jpeg_file.h"

#include <algorithm>

#include "rtsp/jpeg_tables.h"

namespace chrys::rtsp {

namespace {

constexpr uint8_t kSof0 = 0xc0;
constexpr uint8_t kSof1 = 0xc1;
constexpr uint8_t kDht = 0xc4;
constexpr uint8_t kSoi = 0xd8;
constexpr uint8_t kSos = 0xda;
constexpr uint8_t kDqt = 0xdb;
constexpr uint8_t kDri = 0xdd;
constexpr uint8_t kApp0 = 0xe0;
// Content of a SOF segment's length field: a fixed part, and a part for each component.
constexpr size_t kFrameBytes = 8;
constexpr size_t kComponentBytes = 3;
constexpr size_t kMaxComponents = 4;

void Append(std::vector<uint8_t>& out, std::initializer_list<int> bytes) {
  for (const int byte : bytes) out.push_back(static_cast<uint8_t>(byte));
}

// `content` is its length without the length field.
void BeginSegment(std::vector<uint8_t>& out, uint8_t marker, size_t content) {
  const auto length = static_cast<int>(content + 2);
  Append(out, {0xff, marker, length >> 8, length & 0xff});
}

void AppendQuantization(std::vector<uint8_t>& out, const JpegQuantization& quantization) {
  for (size_t i = 0; i < quantization.tables.size(); ++i) {
    const JpegQuantization::Table& table = quantization.tables[i];
    BeginSegment(out, kDqt, 1 + table.values.size());
    out.push_back(static_cast<uint8_t>((table.is_16_bit ? 0x10 : 0) | i));
    out.insert(out.end(), table.values.begin(), table.values.end());
  }
}

void AppendHuffman(std::vector<uint8_t>& out, const HuffmanTables& tables) {
  const auto append = [&](const HuffmanTable& table, uint8_t id) {
    BeginSegment(out, kDht, 1 + table.counts.size() + table.values.size());
    out.push_back(id);
    out.insert(out.end(), table.counts.begin(), table.counts.end());
    out.insert(out.end(), table.values.begin(), table.values.end());
  };
  for (const int i : {0, 1}) {
    append(tables.dc[i], static_cast<uint8_t>(i));
    append(tables.ac[i], static_cast<uint8_t>(0x10 | i));
  }
}

void AppendFrame(std::vector<uint8_t>& out, const JpegSize& size, bool is_16_bit, int chroma_table) {
  BeginSegment(out, is_16_bit ? kSof1 : kSof0, 15);
  Append(out, {8, size.height >> 8, size.height & 0xff, size.width >> 8, size.width & 0xff, 3});
  Append(out, {1, size.is_420 ? 0x22 : 0x21, 0});
  Append(out, {2, 0x11, chroma_table});
  Append(out, {3, 0x11, chroma_table});
}

// Appends a scan header (SOS) with all components of the frame and the Huffman tables that RFC 2435 assigns to them.
void AppendScan(std::vector<uint8_t>& out, const std::vector<uint8_t>& component_ids) {
  BeginSegment(out, kSos, 4 + 2 * component_ids.size());
  out.push_back(static_cast<uint8_t>(component_ids.size()));
  for (size_t i = 0; i < component_ids.size(); ++i) Append(out, {component_ids[i], i == 0 ? 0x00 : 0x11});
  Append(out, {0, 63, 0});
}

bool IsFrame(const uint8_t* segment, size_t size) {
  if (size < 4 + kFrameBytes - 2) return false;
  const size_t components = segment[9];
  const bool has_size = (segment[5] | segment[6]) != 0 && (segment[7] | segment[8]) != 0;
  return segment[4] == 8 && has_size && components >= 1 && components <= kMaxComponents &&
         size == 2 + kFrameBytes + kComponentBytes * components;
}

}  // namespace

JpegExtension JpegExtension::Parse(const uint8_t* data, size_t size) {
  JpegExtension extension;
  size_t at = 0;
  while (at + 4 <= size) {
    // Fill bytes pad the extension.
    if (data[at] != 0xff || data[at + 1] == 0xff || data[at + 1] == kSoi) {
      ++at;
      continue;
    }
    const uint8_t marker = data[at + 1];
    const size_t length = size_t{2} + static_cast<size_t>(data[at + 2] << 8 | data[at + 3]);
    if (length < 4 || length > size - at) break;
    const uint8_t* segment = data + at;
    if ((marker == kSof0 || marker == kSof1) && IsFrame(segment, length)) {
      extension.frame.assign(segment, segment + length);
      extension.height = segment[5] << 8 | segment[6];
      extension.width = segment[7] << 8 | segment[8];
    } else if (marker == kDqt || marker == kDht || marker == kDri) {
      extension.has_quantization = extension.has_quantization || marker == kDqt;
      extension.has_huffman = extension.has_huffman || marker == kDht;
      extension.has_restart = extension.has_restart || marker == kDri;
      extension.tables.insert(extension.tables.end(), segment, segment + length);
    }
    at += length;
  }
  return extension;
}

std::vector<uint8_t> JpegHead(const JpegSize& size, const JpegQuantization& quantization, int restart_interval,
                              const JpegExtension* extension) {
  std::vector<uint8_t> out;
  out.reserve(1024);
  Append(out, {0xff, kSoi});
  BeginSegment(out, kApp0, 14);
  // JFIF 1.1 without a density.
  Append(out, {'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0});
  if (extension == nullptr || !extension->has_quantization) AppendQuantization(out, quantization);
  if (extension != nullptr) out.insert(out.end(), extension->tables.begin(), extension->tables.end());
  if (restart_interval > 0 && (extension == nullptr || !extension->has_restart)) {
    BeginSegment(out, kDri, 2);
    Append(out, {restart_interval >> 8, restart_interval & 0xff});
  }
  const auto& tables = quantization.tables;
  const bool is_16_bit = std::any_of(tables.begin(), tables.end(), [](const auto& table) { return table.is_16_bit; });
  std::vector<uint8_t> component_ids{1, 2, 3};
  if (extension != nullptr && !extension->frame.empty()) {
    out.insert(out.end(), extension->frame.begin(), extension->frame.end());
    component_ids.clear();
    for (size_t at = 2 + kFrameBytes; at < extension->frame.size(); at += kComponentBytes) {
      component_ids.push_back(extension->frame[at]);
    }
  } else {
    AppendFrame(out, size, is_16_bit, tables.size() > 1 ? 1 : 0);
  }
  if (extension == nullptr || !extension->has_huffman) AppendHuffman(out, StandardHuffmanTables());
  AppendScan(out, component_ids);
  return out;
}

}  // namespace chrys::rtsp
