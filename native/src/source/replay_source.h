// A recorded range played again in real time, or faster or slower, once or over and over.
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
  std::vector<HistorySegment> segments;  // oldest first; looks do not matter
  // Arrivals of the first and the last packet when they were recorded, microseconds since the epoch, both inclusive. It
  // begins at the keyframe before the first.
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
  AVRational time_base() const override { return {1, kTimeRowHz}; }
  double declared_fps() const override { return 0; }
  int64_t SenderUs(int64_t) const override { return 0; }
  Original original() const override { return original_; }

 private:
  void Rewind();
  // False: the range is over.
  bool LoadNext();
  std::optional<Failure> WaitUntilDue(int64_t dts);

  const ReplayOptions options_;
  Interrupt& interrupt_;
  AvPtr<AVCodecParameters> parameters_;
  std::string codec_name_;
  std::optional<HistoryPackets> past_;
  int64_t wanted_ = 0;
  std::vector<PacketInfo> packets_;  // of the segment in progress, with its times on the replay's clock
  FrameTimes times_;
  size_t next_ = 0;
  std::optional<TimeRow> row_;
  int64_t loop_offset_ = 0;  // ticks, where this round begins
  int64_t loop_end_ = 0;
  std::vector<uint8_t> payload_;
  Original original_;
  int64_t anchor_us_ = 0;  // monotonic time at which dts anchor_dts_ is due
  int64_t anchor_dts_ = INT64_MIN;
};

}  // namespace chrys
