// Decides which frames of a packet ring a query delivers, and which packets must be decoded for them. Reads the entries
// of packets and never their bytes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "frames/interval_schedule.h"
#include "rings/packet_ring.h"
#include "rings/ring_layout.h"

namespace chrys {

struct HistoryRange {
  // Arrivals of the frames' packets, microseconds since the epoch, both inclusive.
  int64_t from_us = 0;
  int64_t to_us = INT64_MAX;
  // Only the frame nearest to this time, whatever the range. -1 = every frame of the range.
  int64_t nearest_us = -1;
  bool keyframes_only = false;
  int32_t interval_ms = 0;  // one frame per interval; 0 = every frame
};

// Sequences of the packets before `end` whose frames have neither their place nor their id yet. In a stream with
// B-frames, packets from `end` on may be shown before frames that come from earlier packets. Empty when the connection
// of the newest packet ended at `end`: then no such packets follow.
std::vector<int64_t> UnsettledFrames(const PacketRingView& view, int64_t end);

// The selected frames of one GOP.
struct GopPlan {
  int32_t connection = 0;
  int64_t first = 0;                     // sequence of the GOP's keyframe
  int64_t end = 0;                       // one past the GOP's last packet
  int64_t last_needed = 0;               // the newest packet of a selected frame
  std::map<int64_t, int64_t> frame_ids;  // of the selected frames, by packet sequence
  // Open GOPs: the selected frames that are shown before the keyframe, and so refer to the previous GOP.
  std::vector<int64_t> leading;
  // Keyframe of the previous GOP, from which `leading` can be decoded. -1 = not in the ring.
  int64_t lead_in = -1;
};

class HistoryPlan {
 public:
  explicit HistoryPlan(const HistoryRange& range);

  // Continues with the packets before `end` of another ring, from next_sequence() on.
  void Continue(PacketRingView view, int64_t end);

  // The nearest frame cannot be delivered. Selects the frames around it too: of its connection, within a few GOPs.
  void SelectNeighbours();

  // The next GOP with selected frames. nullopt: none in this ring.
  std::optional<GopPlan> Next();

  // Packets of the last planned GOP were overwritten, from `sequence` on. The plan leaves this ring.
  void Overrun(int64_t sequence);

  // The first packet that was not planned yet. 0 = the oldest.
  int64_t next_sequence() const { return next_sequence_; }
  // Whether packets from next_sequence() on were overwritten in this ring.
  bool overrun() const { return overrun_; }

  // Whether packets of the range were overwritten before the last planned GOP. True once for each loss.
  bool TakeLoss() { return std::exchange(lost_, false); }

  // Arrival at which the range begins in the first ring, microseconds since the epoch.
  int64_t begin_us() const { return begin_us_; }

 private:
  void FindNearest();
  bool IsUnsettled(int64_t sequence) const;
  // The packets of the next GOP. Empty: none, or it was overwritten.
  std::vector<PacketInfo> ReadGop();
  // The selected frames of a GOP.
  std::vector<PacketInfo> SelectFrames(const std::vector<PacketInfo>& gop);
  bool InRange(const PacketInfo& packet) const;

  const HistoryRange range_;
  PacketRingView view_;
  int64_t end_ = 0;
  int64_t position_ = 0;
  int64_t next_sequence_ = 0;
  bool overrun_ = false;
  int64_t begin_us_;
  int64_t nearest_ = 0;  // sequence of the nearest frame's packet, 0 = none
  // Sequences of the selected packets: `nearest_`, and after SelectNeighbours those around it.
  int64_t around_begin_ = 0;
  int64_t around_end_ = 0;
  bool around_ = false;
  bool lost_ = false;
  std::vector<int64_t> unsettled_;
  std::vector<PacketInfo> previous_gop_;
  int32_t connection_ = -1;
  std::array<std::atomic<int32_t>, kIntervals> intervals_{};
  IntervalSchedule schedule_;
};

}  // namespace chrys
