// Which frames of a packet ring a query wants, and which packets have to be decoded for them. Looks at what is known of
// packets and never at their bytes.
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
  // Arrival of a frame's packet, microseconds since the epoch, both inclusive.
  int64_t from_us = 0;
  int64_t to_us = INT64_MAX;
  // Only the frame nearest to this moment; the range does not count then. -1 = every frame of the range.
  int64_t nearest_us = -1;
  bool keyframes_only = false;
  int32_t interval_ms = 0;  // a frame about every so many milliseconds; 0 = every frame
};

// Sequences of the packets before `end` whose frames have neither their place nor their id yet. In a stream with
// B-frames, packets from `end` on may be shown before frames that come from earlier packets. Empty when the connection
// of the newest packet ended at `end`: then no such packets follow.
std::vector<int64_t> UnsettledFrames(const PacketRingView& view, int64_t end);

// The wanted frames of one group of pictures.
struct GroupPlan {
  int32_t connection = 0;
  int64_t first = 0;                  // sequence of the group's keyframe
  int64_t end = 0;                    // one past the group's last packet
  int64_t last_needed = 0;            // the newest packet that a wanted frame comes from
  std::map<int64_t, int64_t> wanted;  // frame id by packet sequence
  // Of an open group: those of the wanted that are shown before its keyframe, and so refer to the group before.
  std::vector<int64_t> leading;
  // Where a decoder has to begin for these: the keyframe of the group before; -1 = it is not there.
  int64_t lead_in = -1;
};

class HistoryPlan {
 public:
  explicit HistoryPlan(const HistoryRange& range);

  // Continues with the packets before `end` of another ring, from `wanted()` on.
  void Continue(PacketRingView view, int64_t end);

  // The nearest frame is of no use: now the frames around it are wanted as well, of its connection and within a few
  // groups.
  void WantAround();

  // The next group that has wanted frames; nullopt: there is none in this ring.
  std::optional<GroupPlan> Next();

  // Packets of the group that was planned last are gone, from `sequence` on: there is nothing more in this ring.
  void Overrun(int64_t sequence);

  // The first packet that was not looked at yet; 0 = none was.
  int64_t wanted() const { return wanted_; }
  // Packets from wanted() on were overtaken in this ring.
  bool overrun() const { return overrun_; }

  // Whether packets of the range were overwritten before the group that was planned last; once.
  bool TakeLoss() { return std::exchange(lost_, false); }

  // Where the range begins in the first ring, arrival in microseconds since the epoch.
  int64_t begin_us() const { return begin_us_; }

 private:
  void FindNearest();
  bool IsUnsettled(int64_t sequence) const;
  // The packets of the next group; empty: there is none, or it was overwritten.
  std::vector<PacketInfo> ReadGroup();
  std::vector<PacketInfo> WantedOf(const std::vector<PacketInfo>& group);
  bool InRange(const PacketInfo& packet) const;

  const HistoryRange range_;
  PacketRingView view_;
  int64_t end_ = 0;
  int64_t position_ = 0;
  int64_t wanted_ = 0;
  bool overrun_ = false;
  int64_t begin_us_;
  int64_t nearest_ = 0;  // sequence of the nearest frame's packet, 0 = there is none
  // Sequences of the packets around it that are wanted; `nearest_` alone unless WantAround was called.
  int64_t around_begin_ = 0;
  int64_t around_end_ = 0;
  bool around_ = false;
  bool lost_ = false;
  std::vector<int64_t> unsettled_;
  std::vector<PacketInfo> before_;  // the group that was read last
  int32_t connection_ = -1;
  std::array<std::atomic<int32_t>, kIntervals> intervals_{};
  IntervalSchedule schedule_;
};

}  // namespace chrys
