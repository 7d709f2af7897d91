#include "history/history_packets.h"

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"

namespace chrys {

namespace {

constexpr size_t kLengthBytes = 4;

// Replaces the lengths before NAL units by start codes of equal size. False: the lengths do not match the size.
bool ToAnnexB(std::vector<uint8_t>& sample, size_t size) {
  size_t at = 0;
  while (at + kLengthBytes <= size) {
    const size_t length = ReadBig32(sample.data() + at);
    if (length > size - at - kLengthBytes) return false;
    sample[at] = sample[at + 1] = sample[at + 2] = 0;
    sample[at + 3] = 1;
    at += kLengthBytes + length;
  }
  return at == size;
}

int32_t EntriesFor(size_t packets) {
  int32_t entries = 2;
  while (static_cast<size_t>(entries) < packets + 1) entries *= 2;
  return entries;
}

}  // namespace

HistoryPackets::HistoryPackets(PacketRingView memory, std::vector<HistorySegment> segments, bool more)
    : memory_(memory),
      memory_end_(memory.base == nullptr ? 0 : memory.next_sequence()),
      segments_(segments.begin(), segments.end()),
      more_(more),
      on_disk_(more || !segments.empty()) {}

void HistoryPackets::Add(std::vector<HistorySegment> segments, bool more) {
  segments_.insert(segments_.end(), segments.begin(), segments.end());
  more_ = more;
  if (!segments.empty()) requested_ = -1;
}

HistoryPackets::Step HistoryPackets::Next(int64_t sequence) {
  // Packets that arrived after this object was made are not part of it.
  if (memory_.base != nullptr && sequence >= memory_end_) return Step::kEnd;
  while (!segments_.empty()) {
    const HistorySegment segment = segments_.front();
    segments_.pop_front();
    if (segment.end_sequence > sequence && Load(segment)) return Step::kView;
  }
  const bool in_memory = memory_.base != nullptr && !memory_read_;
  const int64_t first = in_memory ? memory_.first_sequence() : INT64_MAX;
  // Packets that left memory after the segments were listed are on disk meanwhile.
  const bool behind = sequence > 0 && in_memory && first > sequence;
  if (on_disk_ && requested_ != sequence && (more_ || behind)) {
    requested_ = sequence;
    return Step::kMore;
  }
  if (!in_memory) return Step::kEnd;
  memory_read_ = true;
  in_memory_ = true;
  view_ = memory_;
  end_ = memory_end_;
  return Step::kView;
}

bool HistoryPackets::Load(const HistorySegment& file) {
  const auto opened = OpenSegment(file.path);
  if (!opened) return false;
  const auto segment = ReadSegment(**opened);
  if (!segment) return false;
  size_t payload = 0;
  for (const SegmentSample& sample : segment->samples) payload += static_cast<size_t>(sample.packet.size);
  const int32_t entries = EntriesFor(segment->samples.size());
  // The ring pads each packet.
  const size_t room = payload + segment->samples.size() * 2 * kCacheLine + (1 << 20);
  const size_t bytes = kPacketRingHeaderBytes + static_cast<size_t>(entries) * kPacketEntryBytes + room;
  loaded_.resize(bytes / sizeof(uint64_t) + 1);
  auto* base = reinterpret_cast<uint8_t*>(loaded_.data());
  if (!InitPacketRing(base, bytes, entries, 1, segment->samples.front().packet.sequence)) return false;
  PacketRingView ring{base};
  ring.header().capacity.store(ring.header().dataBytes.load());
  PacketRingWriter writer(ring);
  const bool convert = segment->length_prefixed();
  std::vector<uint8_t> data;
  for (const SegmentSample& sample : segment->samples) {
    const auto size = static_cast<size_t>(sample.packet.size);
    data.resize(size);
    if (!(*opened)->Read(sample.offset, data.data(), size)) return false;
    if (convert && !ToAnnexB(data, size)) return false;
    if (writer.Write(sample.packet, data.data()) != sample.packet.sequence) return false;
  }
  view_ = ring;
  end_ = segment->samples.back().packet.sequence + 1;
  if (memory_.base != nullptr) end_ = std::min(end_, memory_end_);
  in_memory_ = false;
  stream_ = segment->stream;
  output_format_ = file.output_format;
  return true;
}

}  // namespace chrys
