#include "packet_ring.h"

#include <algorithm>
#include <cstring>

namespace chrys {

namespace {

constexpr int64_t kInitialCapacity = 1 << 20;
// Payloads begin on a cache line and have at least this many zero bytes behind them, as libav's readers want.
constexpr int64_t kPayloadPadding = 64;

int64_t Footprint(int64_t size) {
  return (size + kPayloadPadding + static_cast<int64_t>(kCacheLine) - 1) & ~static_cast<int64_t>(kCacheLine - 1);
}

}  // namespace

bool InitPacketRing(uint8_t* base, size_t bytes, int32_t entry_count) {
  if (entry_count < 2 || (entry_count & (entry_count - 1)) != 0) return false;
  const size_t overhead = kPacketRingHeaderBytes + static_cast<size_t>(entry_count) * kPacketEntryBytes;
  if (bytes < overhead + kInitialCapacity) return false;
  auto& header = *reinterpret_cast<PacketRingHeader*>(base);
  header.entryCount.store(entry_count);
  header.dataBytes.store(static_cast<int64_t>(bytes - overhead));
  header.firstSequence.store(1);
  header.nextSequence.store(1);
  header.lastKeyframeSequence.store(0);
  header.layoutVersion.store(kLayoutVersion);
  return true;
}

bool CheckPacketRing(const uint8_t* base, size_t bytes) {
  if (bytes < kPacketRingHeaderBytes) return false;
  const auto& header = *reinterpret_cast<const PacketRingHeader*>(base);
  const int32_t entries = header.entryCount.load();
  if (header.layoutVersion.load() != kLayoutVersion || entries < 2 || (entries & (entries - 1)) != 0) return false;
  const size_t overhead = kPacketRingHeaderBytes + static_cast<size_t>(entries) * kPacketEntryBytes;
  const int64_t data = header.dataBytes.load();
  return data >= kInitialCapacity && bytes >= overhead + static_cast<size_t>(data);
}

PacketRingWriter::PacketRingWriter(PacketRingView view)
    : view_(view),
      max_bytes_(view.header().dataBytes.load() & ~static_cast<int64_t>(kCacheLine - 1)),
      capacity_(std::min(kInitialCapacity, max_bytes_)) {
  next_ = view_.header().nextSequence.load();
  // Packets of an earlier writer are not taken over: where they lie is known only to it.
  EvictUpTo(next_);
}

void PacketRingWriter::EvictUpTo(int64_t sequence) {
  if (sequence <= first_ && first_ == view_.header().firstSequence.load(std::memory_order_relaxed)) return;
  first_ = sequence;
  view_.header().firstSequence.store(sequence, std::memory_order_relaxed);
  // Readers must see that the packets are gone before any of their bytes changes.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void PacketRingWriter::EvictOldestGroup() {
  if (groups_.size() > 1) {
    groups_.erase(groups_.begin());
    EvictUpTo(groups_.front().first_sequence);
  } else {
    // The group in progress outgrew the ring: it loses its beginning, packet by packet.
    EvictUpTo(first_ + 1);
  }
}

bool PacketRingWriter::MakeRoom(int64_t bytes) {
  if (bytes > max_bytes_) return false;
  if (head_ + bytes > capacity_) {
    const int64_t wanted = 2 * (largest_group_bytes_ + bytes);
    // Growing is only possible while nothing older lies in front of the write position.
    const bool wrapped = first_ < next_ && view_.entry(first_).offset.load(std::memory_order_relaxed) >= head_;
    if (!wrapped && capacity_ < max_bytes_ && wanted > capacity_) {
      while (capacity_ < wanted && capacity_ < max_bytes_) capacity_ = std::min(capacity_ * 2, max_bytes_);
    }
    if (head_ + bytes > capacity_) {
      // What still lies between here and the end would be left behind the write position after the wrap: it goes first.
      while (first_ < next_ && view_.entry(first_).offset.load(std::memory_order_relaxed) >= head_) EvictOldestGroup();
      if (bytes > capacity_) {
        while (first_ < next_) EvictOldestGroup();
        while (capacity_ < bytes) capacity_ = std::min(capacity_ * 2, max_bytes_);
      }
      head_ = 0;
    }
  }
  while (first_ < next_) {
    if (next_ - first_ >= view_.entry_count()) {
      EvictOldestGroup();
      continue;
    }
    const int64_t oldest = view_.entry(first_).offset.load(std::memory_order_relaxed);
    if (oldest < head_ || oldest >= head_ + bytes) break;
    EvictOldestGroup();
  }
  return true;
}

int64_t PacketRingWriter::Write(const PacketInfo& info, const uint8_t* data) {
  const int64_t bytes = Footprint(info.size);
  if (!MakeRoom(bytes)) return 0;
  const int64_t sequence = next_;
  if (info.is_keyframe || groups_.empty()) groups_.push_back({sequence, 0});
  groups_.back().bytes += bytes;
  largest_group_bytes_ = std::max(largest_group_bytes_, groups_.back().bytes);

  std::memcpy(view_.payload() + head_, data, static_cast<size_t>(info.size));
  std::memset(view_.payload() + head_ + info.size, 0, static_cast<size_t>(kPayloadPadding));
  PacketEntry& entry = view_.entry(sequence);
  constexpr auto relaxed = std::memory_order_relaxed;
  entry.size.store(info.size, relaxed);
  entry.flags.store(info.is_keyframe ? kFlagKeyframe : 0, relaxed);
  entry.gopIndex.store(info.gop_index, relaxed);
  entry.timeBaseNum.store(info.time_base_num, relaxed);
  entry.timeBaseDen.store(info.time_base_den, relaxed);
  entry.connection.store(info.connection, relaxed);
  entry.sequence.store(sequence, relaxed);
  entry.offset.store(head_, relaxed);
  entry.pts.store(info.pts, relaxed);
  entry.dts.store(info.dts, relaxed);
  entry.arrivalUs.store(info.arrival_us, relaxed);
  entry.senderUs.store(info.sender_us, relaxed);
  entry.keyframe.store(info.keyframe, relaxed);
  head_ += bytes;
  ++next_;
  if (info.is_keyframe) view_.header().lastKeyframeSequence.store(sequence, relaxed);
  view_.header().nextSequence.store(next_, std::memory_order_release);
  return sequence;
}

int64_t PacketRingWriter::GroupStart() const {
  const int64_t keyframe = view_.header().lastKeyframeSequence.load(std::memory_order_relaxed);
  return keyframe >= first_ && keyframe > 0 ? keyframe : 0;
}

std::optional<PacketInfo> ReadPacket(const PacketRingView& view, int64_t sequence, std::vector<uint8_t>* payload,
                                     size_t padding) {
  const PacketRingHeader& header = view.header();
  constexpr auto relaxed = std::memory_order_relaxed;
  if (sequence >= header.nextSequence.load(std::memory_order_acquire)) return std::nullopt;
  if (sequence < header.firstSequence.load(std::memory_order_acquire)) return std::nullopt;
  const PacketEntry& entry = view.entry(sequence);
  PacketInfo info;
  info.sequence = entry.sequence.load(relaxed);
  info.pts = entry.pts.load(relaxed);
  info.dts = entry.dts.load(relaxed);
  info.arrival_us = entry.arrivalUs.load(relaxed);
  info.sender_us = entry.senderUs.load(relaxed);
  info.keyframe = entry.keyframe.load(relaxed);
  info.gop_index = entry.gopIndex.load(relaxed);
  info.time_base_num = entry.timeBaseNum.load(relaxed);
  info.time_base_den = entry.timeBaseDen.load(relaxed);
  info.connection = entry.connection.load(relaxed);
  info.size = entry.size.load(relaxed);
  info.is_keyframe = (entry.flags.load(relaxed) & kFlagKeyframe) != 0;
  const int64_t offset = entry.offset.load(relaxed);
  const int64_t data_bytes = header.dataBytes.load(relaxed);
  // An entry that is being overwritten may hold anything: look before touching what it points to.
  if (info.size < 0 || offset < 0 || offset + info.size > data_bytes) return std::nullopt;
  payload->resize(static_cast<size_t>(info.size) + padding);
  std::memcpy(payload->data(), view.payload() + offset, static_cast<size_t>(info.size));
  std::memset(payload->data() + info.size, 0, padding);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (sequence < header.firstSequence.load(relaxed) || info.sequence != sequence) return std::nullopt;
  return info;
}

}  // namespace chrys
