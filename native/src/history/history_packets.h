// Reads the packets of one camera from segments and then from the packet ring. Each segment is loaded into a ring of
// its own, so that readers see only rings. Used by one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "frames/picture.h"
#include "mp4/segment_file.h"
#include "rings/packet_ring.h"

namespace chrys {

// A segment on disk, and the output format for its frames.
struct HistorySegment {
  std::string path;
  int64_t first_sequence = 0;
  int64_t end_sequence = 0;
  OutputFormat output_format;
};

class HistoryPackets {
 public:
  // `memory`: the packet ring; without a base: none. `segments`: oldest first. `more`: the caller has further ones.
  HistoryPackets(PacketRingView memory, std::vector<HistorySegment> segments, bool more);

  enum class Step {
    kView,  // view() is the next ring
    kMore,  // Add must be called first, with the segments from `sequence` on
    kEnd,
  };
  // Goes to the ring with the first packets from `sequence` on. 0 = the oldest.
  Step Next(int64_t sequence);
  void Add(std::vector<HistorySegment> segments, bool more);

  // The camera has overwritten packets of the packet ring. They may be on disk meanwhile.
  void ReadMemoryAgain() { memory_read_ = false; }

  const PacketRingView& view() const { return view_; }
  // One past the last packet of view().
  int64_t end() const { return end_; }
  // The stream and the output format of the packets in view(). nullptr: view() is the packet ring.
  const SegmentStream* stream() const { return in_memory_ ? nullptr : &stream_; }
  const OutputFormat& output_format() const { return output_format_; }

 private:
  bool Load(const HistorySegment& file);

  const PacketRingView memory_;
  const int64_t memory_end_;
  std::deque<HistorySegment> segments_;
  bool more_;
  const bool on_disk_;      // whether segments can be asked for
  int64_t requested_ = -1;  // the sequence of the last kMore that brought no segments
  bool memory_read_ = false;
  PacketRingView view_;
  int64_t end_ = 0;
  bool in_memory_ = false;  // view_ is memory_
  SegmentStream stream_;
  OutputFormat output_format_;
  std::vector<uint64_t> loaded_;  // memory of the ring with a segment
};

}  // namespace chrys
