// The packets of one camera on disk and in memory as one row of stretches, each seen as a packet ring. Used by one
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "frames/picture.h"
#include "mp4/segment_file.h"
#include "rings/packet_ring.h"

namespace chrys {

// A file of the past, and how frames of it shall look.
struct HistorySegment {
  std::string path;
  int64_t first_sequence = 0;
  int64_t end_sequence = 0;
  OutputFormat output_format;
};

class HistoryPackets {
 public:
  // `memory` without a base: there is none. `segments` in order; `more`: the caller has further ones for whoever asks.
  HistoryPackets(PacketRingView memory, std::vector<HistorySegment> segments, bool more);

  enum class Step {
    kView,  // view() is the next stretch
    kMore,  // Add has to be called first, with the segments that have packets from `wanted` on
    kEnd,
  };
  // Goes to the stretch with the first packets from `wanted` on; 0 = the oldest.
  Step Next(int64_t wanted);
  void Add(std::vector<HistorySegment> segments, bool more);

  // The stretch in memory was overtaken by the camera: what was lost may be on disk by now.
  void ReadMemoryAgain() { memory_read_ = false; }

  const PacketRingView& view() const { return view_; }
  // One past the stretch's last packet.
  int64_t end() const { return end_; }
  // What the packets of the stretch are and how its frames shall look; nullptr: it is in memory.
  const SegmentStream* stream() const { return in_memory_ ? nullptr : &stream_; }
  const OutputFormat& output_format() const { return output_format_; }

 private:
  bool Load(const HistorySegment& segment);

  const PacketRingView memory_;
  const int64_t memory_end_;
  std::deque<HistorySegment> segments_;
  bool more_;
  const bool on_disk_;      // whether segments can be asked for
  int64_t asked_for_ = -1;  // nothing came of it
  bool memory_read_ = false;
  PacketRingView view_;
  int64_t end_ = 0;
  bool in_memory_ = false;  // view_ is memory_
  SegmentStream stream_;
  OutputFormat output_format_;
  std::vector<uint64_t> loaded_;  // the ring that a segment lies in
};

}  // namespace chrys
