#include "mp4/mp4_index.h"

#include <algorithm>

#include "base/byte_order.h"

namespace chrys {

namespace {

constexpr int kIoBuffer = 64 << 10;

// Adds `by` to every sample offset in the boxes [begin, end). False: an offset exceeds its width, or a box is damaged.
bool MoveSamples(uint8_t* begin, const uint8_t* end, uint64_t by) {
  for (uint8_t* box = begin; box + 8 <= end;) {
    const uint32_t size = ReadBig32(box);
    if (size < 8 || size > static_cast<size_t>(end - box)) return false;
    const auto is = [&](const char* name) { return std::memcmp(box + 4, name, 4) == 0; };
    if (is("moov") || is("trak") || is("mdia") || is("minf") || is("stbl")) {
      if (!MoveSamples(box + 8, box + size, by)) return false;
    } else if (is("stco") || is("co64")) {
      const size_t width = is("stco") ? 4 : 8;
      if (size < 16) return false;
      const uint32_t count = ReadBig32(box + 12);
      if (count > (size - 16) / width) return false;
      for (uint32_t i = 0; i < count; ++i) {
        uint8_t* place = box + 16 + i * width;
        const uint64_t value = (width == 8 ? ReadBig64(place) : ReadBig32(place)) + by;
        if (width == 4 && value > UINT32_MAX) return false;
        if (width == 8) WriteBig64(place, value);
        if (width == 4) WriteBig32(place, static_cast<uint32_t>(value));
      }
    }
    box += size;
  }
  return true;
}

}  // namespace

IoPtr OpenIo(int write, void* opaque, int (*read)(void*, uint8_t*, int), int (*put)(void*, uint8_t*, int),
             int64_t (*seek)(void*, int64_t, int)) {
  return IoPtr(
      avio_alloc_context(static_cast<uint8_t*>(av_malloc(kIoBuffer)), kIoBuffer, write, opaque, read, put, seek));
}

std::vector<uint8_t> IndexInFront(IndexSink& sink) {
  const size_t type_bytes = sink.head.size() < 8 ? 0 : ReadBig32(sink.head.data());
  if (type_bytes == 0 || type_bytes > sink.head.size() ||
      !MoveSamples(sink.tail.data(), sink.tail.data() + sink.tail.size(), sink.tail.size())) {
    return {};
  }
  const auto type_end = sink.head.begin() + static_cast<std::ptrdiff_t>(type_bytes);
  std::vector<uint8_t> front(sink.head.begin(), type_end);
  front.insert(front.end(), sink.tail.begin(), sink.tail.end());
  front.insert(front.end(), type_end, sink.head.end());
  return front;
}

std::vector<uint8_t> CodecConfiguration(const SegmentBytes& bytes) {
  struct Reader {
    const SegmentBytes& bytes;
    int64_t position = 0;
  } reader{bytes};
  const auto read = [](void* opaque, uint8_t* target, int size) -> int {
    auto& state = *static_cast<Reader*>(opaque);
    const auto part = std::min<int64_t>(size, state.bytes.size() - state.position);
    if (part <= 0) return AVERROR_EOF;
    if (!state.bytes.Read(state.position, target, static_cast<size_t>(part))) return AVERROR(EIO);
    state.position += part;
    return static_cast<int>(part);
  };
  const auto seek = [](void* opaque, int64_t offset, int whence) -> int64_t {
    auto& state = *static_cast<Reader*>(opaque);
    if ((whence & AVSEEK_SIZE) != 0) return state.bytes.size();
    if (whence == SEEK_CUR) offset += state.position;
    if (whence == SEEK_END) offset += state.bytes.size();
    return state.position = offset;
  };
  const IoPtr io = OpenIo(0, &reader, read, nullptr, seek);
  AVFormatContext* raw = avformat_alloc_context();
  if (!io || raw == nullptr) return {};
  raw->pb = io.get();
  raw->flags |= AVFMT_FLAG_CUSTOM_IO;
  if (avformat_open_input(&raw, nullptr, av_find_input_format("mp4"), nullptr) < 0) return {};
  const AvPtr<AVFormatContext> format(raw);
  if (format->nb_streams == 0) return {};
  const AVCodecParameters* parameters = format->streams[0]->codecpar;
  return std::vector<uint8_t>(parameters->extradata, parameters->extradata + parameters->extradata_size);
}

}  // namespace chrys
