// Plays a recorded range as a camera, at any speed, once or in a loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "history/history_packets.h"
#include "mp4/frame_times.h"
#include "source/packet_source.h"

namespace chrys {

struct ReplayOptions {
  std::vector<HistorySegment> segments;  // oldest first; output formats are not used
  // Original arrivals of the first and the last packet, microseconds since the epoch, both inclusive. The replay begins
  // at the keyframe before the first packet.
  int64_t from_us = 0;
  int64_t to_us = INT64_MAX;
  double speed = 1;
  bool loop = false;
};

class ReplaySource : public PacketSource {
 public:
  // `interrupt` outlives the source.
  ReplaySource(ReplayOptions options, Interrupt& interrupt);

  std::optional<Failure> Open() override;
  std::optional<Failure> Read(AVPacket* packet) override;
  const AVCodecParameters* parameters() const override { return parameters_.get(); }
  AVRational time_base() const override { return {1, kSegmentClockHz}; }
  double declared_fps() const override { return 0; }
  int64_t SenderUs(int64_t) const override { return 0; }
  Original original() const override { return original_; }

 private:
  void Rewind();
  // Loads the next segment into packets_, which stays empty at the end of the range.
  std::optional<Failure> LoadNext();
  // Reads the packets of the current ring that lie in the range.
  void ReadPackets();
  std::optional<Failure> WaitUntilDue(int64_t dts);

  const ReplayOptions options_;
  Interrupt& interrupt_;
  AvPtr<AVCodecParameters> parameters_;
  std::string codec_name_;
  std::optional<HistoryPackets> history_;
  int64_t next_sequence_ = 0;
  std::vector<PacketInfo> packets_;  // of the current segment; times_ has their times on the replay's clock
  FrameTimes times_;
  size_t next_ = 0;
  std::optional<SegmentClock> clock_;
  int64_t loop_offset_ = 0;  // ticks, begin of the current loop
  int64_t loop_end_ = 0;
  std::vector<uint8_t> payload_;
  Original original_;
  int64_t anchor_us_ = 0;  // monotonic time at which dts anchor_dts_ is due
  int64_t anchor_dts_ = INT64_MIN;
};

}  // namespace chrys
