// The compressed packets of one camera, newest groups of pictures last. One writer, any number of readers in any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/atomics.h"
#include "rings/ring_layout.h"

namespace chrys {

// What is known of a packet beside its bytes. See CHRYS_PACKET_ENTRY_FIELDS for the units.
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
  bool is_damaged = false;  // packets of it, or of a picture that it refers to, were lost
  bool is_hidden = false;   // decoded, but not shown
};

// A view over the shared memory of a packet ring. Does not own it.
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

// Lays out an empty ring whose first packet will be `first_sequence`. `entry_count` must be a power of two; false when
// the memory is too small for it. At least `min_packets` are kept, as far as entries and memory allow it.
bool InitPacketRing(uint8_t* base, size_t bytes, int32_t entry_count, int64_t min_packets, int64_t first_sequence);

// False when the memory does not hold a ring of this layout that fits into `bytes`.
bool CheckPacketRing(const uint8_t* base, size_t bytes);

class PacketRingWriter {
 public:
  // Continues a ring that was written before: its packets stay, and sequences go on.
  explicit PacketRingWriter(PacketRingView view);

  // Stores one packet and gives its sequence; 0 when it is larger than the ring. Whole groups leave to make room; only
  // a group that alone outgrows the ring loses its beginning.
  int64_t Write(const PacketInfo& info, const uint8_t* data);

  // The ring has all the memory that it may have, and keeps fewer packets than it should.
  bool limited() const { return limited_; }
  int64_t kept() const { return next_ - first_; }

  // The newest keyframe if its whole group so far is in the ring, else 0.
  int64_t GroupStart() const;
  // The keyframe before that one if it is still in the ring, else as GroupStart.
  int64_t PreviousGroupStart() const;

 private:
  struct Group {
    int64_t first_sequence;
    int64_t bytes;
  };

  bool MakeRoom(int64_t bytes);
  void EvictUpTo(int64_t sequence);
  void EvictOldestGroup();

  bool ShouldGrow(int64_t bytes) const;
  // The header's: may be changed while packets are written.
  int64_t min_packets() const;
  // Packets that are left when the oldest group goes.
  int64_t KeptAfterNextGroup() const;

  const PacketRingView view_;
  const int64_t max_bytes_;
  int64_t capacity_ = 0;  // of max_bytes_, what is in use; grows until two of the largest group and min_packets_ fit
  int64_t head_ = 0;      // where the next payload goes
  int64_t first_ = 1;     // as header().firstSequence
  int64_t next_ = 1;      // as header().nextSequence
  int64_t largest_group_bytes_ = 0;
  bool limited_ = false;
  std::vector<Group> groups_;  // oldest first; the last one is in progress
};

// Copies packet `sequence` into `payload` (with `padding` zero bytes behind it). nullopt: not there, or overrun
// meanwhile.
std::optional<PacketInfo> ReadPacket(const PacketRingView& view, int64_t sequence, std::vector<uint8_t>* payload,
                                     size_t padding);

// What is known of packet `sequence`, without its bytes. nullopt: not there, or overrun meanwhile.
std::optional<PacketInfo> ReadPacketInfo(const PacketRingView& view, int64_t sequence);

// What a decoder can make frames of, in all: the packets from the oldest keyframe on.
struct PacketSums {
  int64_t frames = 0;
  int64_t keyframes = 0;
  int64_t bytes = 0;      // of their payload
  int64_t oldest_us = 0;  // arrival; 0 = there is none
  int64_t newest_us = 0;
  int64_t newest_frames = 0;  // of the newest connection
  double newest_seconds = 0;  // from the earliest to the latest of these, by their timestamps
};
PacketSums SumPackets(const PacketRingView& view);

// The number of a frame in the order in which frames are shown: its packet's sequence, less the earlier packets that
// are shown after it, plus the later ones that are shown before it. Exact once these have arrived, as they have when a
// decoder gives the frame out.
int64_t FrameIdOf(const PacketRingView& view, const PacketInfo& packet);
// The same among packets in a row, of which it is one.
int64_t FrameIdOf(const std::vector<PacketInfo>& packets, const PacketInfo& packet);

}  // namespace chrys
