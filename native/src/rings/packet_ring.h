// The packet ring: the newest packets of one camera, in whole GOPs. One writer, any number of readers in any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/atomics.h"
#include "rings/ring_layout.h"

namespace chrys {

// Everything about a packet except its bytes. See CHRYS_PACKET_ENTRY_FIELDS for the units.
struct PacketInfo {
  int64_t sequence = 0;
  int64_t pts = 0;
  int64_t dts = 0;
  int64_t arrival_us = 0;
  int64_t sender_us = 0;
  int64_t keyframe_count = 0;
  int64_t original_us = 0;
  int64_t original_id = 0;
  int32_t gop_index = 0;
  int32_t time_base_num = 0;
  int32_t time_base_den = 1;
  int32_t connection = 0;
  int32_t size = 0;
  bool is_keyframe = false;
  bool is_damaged = false;  // data of this picture, or of one that it refers to, was lost
  bool is_hidden = false;   // decoded, but not shown
};

// A view of a packet ring in shared memory. Does not own the memory. A view without a base is no ring.
struct PacketRingView {
  uint8_t* base = nullptr;

  PacketRingHeader& header() const { return *reinterpret_cast<PacketRingHeader*>(base); }
  // The oldest packet that is still whole, and one past the newest packet.
  int64_t first_sequence() const { return header().firstSequence.load(std::memory_order_acquire); }
  int64_t next_sequence() const { return header().nextSequence.load(std::memory_order_acquire); }
  int32_t entry_count() const { return LoadRelaxed(header().entryCount); }
  PacketEntry& entry(int64_t sequence) const {
    auto* entries = reinterpret_cast<PacketEntry*>(base + kPacketRingHeaderBytes);
    return entries[static_cast<size_t>(sequence) & static_cast<size_t>(entry_count() - 1)];
  }
  uint8_t* payload() const {
    return base + kPacketRingHeaderBytes + static_cast<size_t>(entry_count()) * kPacketEntryBytes;
  }
};

// Initializes an empty ring whose first packet will be `first_sequence`. The ring keeps at least `min_packets` as far
// as entries and memory allow. False: the memory is too small, `entry_count` is not a power of two, or `first_sequence`
// is below 1.
bool InitPacketRing(uint8_t* base, size_t bytes, int32_t entry_count, int64_t min_packets, int64_t first_sequence);

// Whether the memory holds a ring of this layout within `bytes`.
bool CheckPacketRing(const uint8_t* base, size_t bytes);

class PacketRingWriter {
 public:
  // Continues the ring: its packets stay, and sequences continue.
  explicit PacketRingWriter(PacketRingView view);

  // Stores a packet and returns its sequence, or 0 when it is larger than the ring. Discards whole GOPs to make room. A
  // GOP that alone exceeds the ring loses its first packets.
  int64_t Write(const PacketInfo& info, const uint8_t* data);

  // Whether the ring uses all its memory and still keeps fewer than min_packets().
  bool limited() const { return limited_; }
  int64_t kept() const { return next_ - first_; }

  // The newest keyframe if its GOP is in the ring as a whole, else 0.
  int64_t GopStart() const;
  // The keyframe before it, if that is still in the ring, else GopStart().
  int64_t PreviousGopStart() const;

 private:
  struct Gop {
    int64_t first_sequence;
    int64_t bytes;
  };

  // Frees `bytes` at head_. False: the packet is larger than the ring.
  bool MakeRoom(int64_t bytes);
  void GrowOrWrap(int64_t bytes);
  void DiscardUpTo(int64_t sequence);
  void DiscardOldestGop();

  bool ShouldGrow(int64_t bytes) const;
  // minPackets of the header, which the main thread may change at any time.
  int64_t min_packets() const;
  // Packets that remain when the oldest GOP is discarded.
  int64_t KeptAfterNextGop() const;

  const PacketRingView view_;
  const int64_t max_bytes_;
  int64_t capacity_ = 0;  // part of max_bytes_ in use; grows until two of the largest GOP and min_packets() fit
  int64_t head_ = 0;      // offset of the next payload
  int64_t first_ = 1;     // header().firstSequence
  int64_t next_ = 1;      // header().nextSequence
  int64_t largest_gop_bytes_ = 0;
  bool limited_ = false;
  std::vector<Gop> gops_;  // oldest first; the last one is in progress
};

// Copies packet `sequence` into `payload`, followed by `padding` zero bytes. nullopt: the packet is not in the ring, or
// was overwritten during the copy.
std::optional<PacketInfo> ReadPacket(const PacketRingView& view, int64_t sequence, std::vector<uint8_t>* payload,
                                     size_t padding);

// The same without the bytes.
std::optional<PacketInfo> ReadPacketInfo(const PacketRingView& view, int64_t sequence);

// Totals of the packets that can be decoded: all from the oldest keyframe on.
struct PacketSums {
  int64_t frames = 0;
  int64_t keyframes = 0;
  int64_t bytes = 0;      // payload
  int64_t oldest_us = 0;  // arrival, 0 = no packets
  int64_t newest_us = 0;
  int64_t newest_frames = 0;  // frames of the newest connection
  double newest_seconds = 0;  // from the first to the last of these, by pts
};
PacketSums SumPackets(const PacketRingView& view);

// The frame id: the number of a frame in display order. It is the packet's sequence, minus the number of earlier
// packets that are shown later, plus the number of later packets that are shown earlier. Exact once those packets have
// arrived, which is so when a decoder delivers the frame.
int64_t FrameIdOf(const PacketRingView& view, const PacketInfo& packet);
// The same for a packet of `packets`, whose sequences are consecutive.
int64_t FrameIdOf(const std::vector<PacketInfo>& packets, const PacketInfo& packet);

}  // namespace chrys
