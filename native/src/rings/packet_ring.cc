#include "rings/packet_ring.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "rings/copy_while_written.h"

namespace chrys {

namespace {

constexpr int64_t kInitialCapacity = 1 << 20;
// Payloads begin at a cache line. libav reads up to this many bytes beyond a payload, so zeros follow.
constexpr int64_t kPayloadPadding = 64;

int64_t Footprint(int64_t size) {
  return (size + kPayloadPadding + static_cast<int64_t>(kCacheLine) - 1) & ~static_cast<int64_t>(kCacheLine - 1);
}

}  // namespace

// NOLINTNEXTLINE(readability-non-const-parameter): the memory is written through the header.
bool InitPacketRing(uint8_t* base, size_t bytes, int32_t entry_count, int64_t min_packets, int64_t first_sequence) {
  if (first_sequence < 1 || entry_count < 2 || (entry_count & (entry_count - 1)) != 0) return false;
  const size_t overhead = kPacketRingHeaderBytes + static_cast<size_t>(entry_count) * kPacketEntryBytes;
  if (bytes < overhead + kInitialCapacity) return false;
  auto& header = *reinterpret_cast<PacketRingHeader*>(base);
  header.entryCount.store(entry_count);
  header.dataBytes.store(static_cast<int64_t>(bytes - overhead));
  header.firstSequence.store(first_sequence);
  header.nextSequence.store(first_sequence);
  header.lastKeyframeSequence.store(0);
  header.capacity.store(std::min(kInitialCapacity, header.dataBytes.load()));
  header.minPackets.store(std::min<int64_t>(min_packets, entry_count / 2));
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
      capacity_(view.header().capacity.load()),
      first_(view.header().firstSequence.load()),
      next_(view.header().nextSequence.load()) {
  if (first_ == next_) return;
  const PacketEntry& newest = view_.entry(next_ - 1);
  head_ = newest.offset.load() + Footprint(newest.size.load());
  for (int64_t sequence = first_; sequence < next_; ++sequence) {
    const PacketEntry& entry = view_.entry(sequence);
    if (gops_.empty() || (entry.flags.load() & kFlagKeyframe) != 0) gops_.push_back({sequence, 0});
    gops_.back().bytes += Footprint(entry.size.load());
    largest_gop_bytes_ = std::max(largest_gop_bytes_, gops_.back().bytes);
  }
}

void PacketRingWriter::DiscardUpTo(int64_t sequence) {
  if (sequence <= first_ && first_ == LoadRelaxed(view_.header().firstSequence)) return;
  first_ = sequence;
  StoreRelaxed(view_.header().firstSequence, sequence);
  // Readers must see the new firstSequence before any byte of the discarded packets changes.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void PacketRingWriter::DiscardOldestGop() {
  if (gops_.size() > 1) {
    gops_.erase(gops_.begin());
    DiscardUpTo(gops_.front().first_sequence);
  } else {
    // The current GOP alone exceeds the ring, so its oldest packet goes.
    DiscardUpTo(first_ + 1);
  }
}

bool PacketRingWriter::ShouldGrow(int64_t bytes) const {
  if (capacity_ >= max_bytes_) return false;
  if (2 * (largest_gop_bytes_ + bytes) > capacity_) return true;
  return KeptAfterNextGop() < min_packets() && next_ - first_ < view_.entry_count();
}

int64_t PacketRingWriter::min_packets() const {
  return std::min<int64_t>(LoadRelaxed(view_.header().minPackets), view_.entry_count() / 2);
}

int64_t PacketRingWriter::KeptAfterNextGop() const { return gops_.size() > 1 ? next_ - gops_[1].first_sequence : 0; }

// Makes `bytes` fit between the write position and the end of the region in use: grows the region, or wraps to its
// start.
void PacketRingWriter::GrowOrWrap(int64_t bytes) {
  const auto oldest_is_beyond = [&] { return first_ < next_ && LoadRelaxed(view_.entry(first_).offset) >= head_; };
  // The region can grow only while no older payload lies beyond the write position.
  if (!oldest_is_beyond() && ShouldGrow(bytes)) {
    do capacity_ = std::min(capacity_ * 2, max_bytes_);
    while (capacity_ < 2 * (largest_gop_bytes_ + bytes) && capacity_ < max_bytes_);
  }
  if (head_ + bytes > capacity_) {
    limited_ = capacity_ >= max_bytes_ && KeptAfterNextGop() < min_packets();
    // Payloads between here and the end would stay beyond the write position after the wrap, so they go first.
    while (oldest_is_beyond()) DiscardOldestGop();
    if (bytes > capacity_) {
      while (first_ < next_) DiscardOldestGop();
      while (capacity_ < bytes) capacity_ = std::min(capacity_ * 2, max_bytes_);
    }
    head_ = 0;
  }
  StoreRelaxed(view_.header().capacity, capacity_);
}

bool PacketRingWriter::MakeRoom(int64_t bytes) {
  if (bytes > max_bytes_) return false;
  if (head_ + bytes > capacity_) GrowOrWrap(bytes);
  while (first_ < next_) {
    const int64_t oldest = LoadRelaxed(view_.entry(first_).offset);
    const bool is_overwritten = oldest >= head_ && oldest < head_ + bytes;
    if (next_ - first_ < view_.entry_count() && !is_overwritten) break;
    DiscardOldestGop();
  }
  return true;
}

int64_t PacketRingWriter::Write(const PacketInfo& info, const uint8_t* data) {
  const int64_t bytes = Footprint(info.size);
  if (!MakeRoom(bytes)) return 0;
  const int64_t sequence = next_;
  if (info.is_keyframe || gops_.empty()) gops_.push_back({sequence, 0});
  gops_.back().bytes += bytes;
  largest_gop_bytes_ = std::max(largest_gop_bytes_, gops_.back().bytes);

  std::memcpy(view_.payload() + head_, data, static_cast<size_t>(info.size));
  std::memset(view_.payload() + head_ + info.size, 0, static_cast<size_t>(kPayloadPadding));
  PacketEntry& entry = view_.entry(sequence);
  StoreRelaxed(entry.size, info.size);
  StoreRelaxed(entry.flags, (info.is_keyframe ? kFlagKeyframe : 0) | (info.is_damaged ? kFlagCorrupt : 0) |
                                (info.is_hidden ? kFlagHidden : 0));
  StoreRelaxed(entry.gopIndex, info.gop_index);
  StoreRelaxed(entry.timeBaseNum, info.time_base_num);
  StoreRelaxed(entry.timeBaseDen, info.time_base_den);
  StoreRelaxed(entry.connection, info.connection);
  StoreRelaxed(entry.sequence, sequence);
  StoreRelaxed(entry.offset, head_);
  StoreRelaxed(entry.pts, info.pts);
  StoreRelaxed(entry.dts, info.dts);
  StoreRelaxed(entry.arrivalUs, info.arrival_us);
  StoreRelaxed(entry.senderUs, info.sender_us);
  StoreRelaxed(entry.keyframeCount, info.keyframe_count);
  StoreRelaxed(entry.originalUs, info.original_us);
  StoreRelaxed(entry.originalId, info.original_id);
  head_ += bytes;
  ++next_;
  if (info.is_keyframe) StoreRelaxed(view_.header().lastKeyframeSequence, sequence);
  view_.header().nextSequence.store(next_, std::memory_order_release);
  return sequence;
}

int64_t PacketRingWriter::GopStart() const {
  const int64_t keyframe = LoadRelaxed(view_.header().lastKeyframeSequence);
  return keyframe >= first_ && keyframe > 0 ? keyframe : 0;
}

int64_t PacketRingWriter::PreviousGopStart() const {
  const int64_t newest = GopStart();
  if (newest == 0 || gops_.size() < 2) return newest;
  const int64_t previous = gops_[gops_.size() - 2].first_sequence;
  return previous >= first_ && previous > 0 ? previous : newest;
}

namespace {

// More packets than any codec reorders.
constexpr int64_t kReorderWindow = 20;
// Two packets of one connection that are further apart lie on different sides of a clock jump.
constexpr double kClockJumpSeconds = 10;

struct Entry {
  PacketInfo info;
  int64_t offset = 0;
};

bool IsThere(const PacketRingView& view, int64_t sequence) {
  return sequence < view.next_sequence() && sequence >= view.first_sequence();
}

// The result may be torn. The caller must check StillThere before it uses it.
Entry LoadEntry(const PacketEntry& entry) {
  Entry read;
  PacketInfo& info = read.info;
  info.sequence = LoadRelaxed(entry.sequence);
  info.pts = LoadRelaxed(entry.pts);
  info.dts = LoadRelaxed(entry.dts);
  info.arrival_us = LoadRelaxed(entry.arrivalUs);
  info.sender_us = LoadRelaxed(entry.senderUs);
  info.keyframe_count = LoadRelaxed(entry.keyframeCount);
  info.original_us = LoadRelaxed(entry.originalUs);
  info.original_id = LoadRelaxed(entry.originalId);
  info.gop_index = LoadRelaxed(entry.gopIndex);
  info.time_base_num = LoadRelaxed(entry.timeBaseNum);
  info.time_base_den = LoadRelaxed(entry.timeBaseDen);
  info.connection = LoadRelaxed(entry.connection);
  info.size = LoadRelaxed(entry.size);
  const int32_t flags = LoadRelaxed(entry.flags);
  info.is_keyframe = (flags & kFlagKeyframe) != 0;
  info.is_damaged = (flags & kFlagCorrupt) != 0;
  info.is_hidden = (flags & kFlagHidden) != 0;
  read.offset = LoadRelaxed(entry.offset);
  return read;
}

bool StillThere(const PacketRingHeader& header, const PacketInfo& info, int64_t sequence) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return sequence >= LoadRelaxed(header.firstSequence) && info.sequence == sequence;
}

}  // namespace

std::optional<PacketInfo> ReadPacket(const PacketRingView& view, int64_t sequence, std::vector<uint8_t>* payload,
                                     size_t padding) {
  const PacketRingHeader& header = view.header();
  if (!IsThere(view, sequence)) return std::nullopt;
  const auto [info, offset] = LoadEntry(view.entry(sequence));
  const int64_t data_bytes = LoadRelaxed(header.dataBytes);
  // An entry that is being overwritten may hold any value, so its place is checked before it is used.
  if (info.size < 0 || offset < 0 || offset + info.size > data_bytes) return std::nullopt;
  payload->resize(static_cast<size_t>(info.size) + padding);
  CopyWhileWritten(payload->data(), view.payload() + offset, static_cast<size_t>(info.size));
  std::memset(payload->data() + info.size, 0, padding);
  if (!StillThere(header, info, sequence)) return std::nullopt;
  return info;
}

std::optional<PacketInfo> ReadPacketInfo(const PacketRingView& view, int64_t sequence) {
  const PacketRingHeader& header = view.header();
  if (!IsThere(view, sequence)) return std::nullopt;
  const PacketInfo info = LoadEntry(view.entry(sequence)).info;
  if (!StillThere(header, info, sequence)) return std::nullopt;
  return info;
}

PacketSums SumPackets(const PacketRingView& view) {
  const int64_t end = view.next_sequence();
  PacketSums sums;
  int32_t connection = -1;
  int64_t earliest = 0;
  int64_t latest = 0;
  for (int64_t sequence = view.first_sequence(); sequence < end; ++sequence) {
    const auto info = ReadPacketInfo(view, sequence);
    if (!info) {
      // Overwritten meanwhile. The remaining packets begin further on, with a whole GOP.
      sequence = std::max(sequence, view.first_sequence() - 1);
      continue;
    }
    if (sums.frames == 0 && !info->is_keyframe) continue;
    if (sums.frames == 0) sums.oldest_us = info->arrival_us;
    if (sums.frames == 0 || info->connection != connection) {
      connection = info->connection;
      earliest = latest = info->pts;
      sums.newest_frames = 0;
    }
    earliest = std::min(earliest, info->pts);
    latest = std::max(latest, info->pts);
    sums.newest_seconds = static_cast<double>(latest - earliest) * info->time_base_num / info->time_base_den;
    sums.newest_us = info->arrival_us;
    sums.newest_frames += 1;
    sums.frames += 1;
    sums.keyframes += info->is_keyframe ? 1 : 0;
    sums.bytes += info->size;
  }
  return sums;
}

namespace {

// `find` returns the packet of a sequence, or nullopt.
template <typename Find>
int64_t FrameIdAmong(const PacketInfo& packet, Find find) {
  const double tick = static_cast<double>(packet.time_base_num) / packet.time_base_den;
  int64_t id = packet.sequence;
  for (int64_t distance = -kReorderWindow; distance <= kReorderWindow; ++distance) {
    if (distance == 0) continue;
    const std::optional<PacketInfo> other = find(packet.sequence + distance);
    if (!other || other->connection != packet.connection) continue;
    const int64_t ticks = other->pts - packet.pts;
    if (std::abs(static_cast<double>(ticks)) * tick > kClockJumpSeconds) continue;
    if (distance < 0 && ticks > 0) --id;
    if (distance > 0 && ticks < 0) ++id;
  }
  return id;
}

}  // namespace

int64_t FrameIdOf(const PacketRingView& view, const PacketInfo& packet) {
  return FrameIdAmong(packet, [&](int64_t sequence) { return ReadPacketInfo(view, sequence); });
}

int64_t FrameIdOf(const std::vector<PacketInfo>& packets, const PacketInfo& packet) {
  const int64_t first = packets.front().sequence;
  return FrameIdAmong(packet, [&](int64_t sequence) {
    const bool there = sequence >= first && sequence - first < static_cast<int64_t>(packets.size());
    return there ? std::optional<PacketInfo>(packets[static_cast<size_t>(sequence - first)]) : std::nullopt;
  });
}

}  // namespace chrys
