// A clip: one mp4 file made of many segments and of the newer packets in the packet ring. It is made while it is read:
// the index comes first, then the samples are copied from the segments.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/atomics.h"
#include "history/clip_index.h"
#include "history/history_job.h"
#include "mp4/frame_times.h"
#include "mp4/segment_file.h"
#include "rings/packet_ring.h"

namespace chrys {

struct ClipOptions {
  SegmentRings rings;                            // without a base: nothing is in memory
  const std::atomic<int32_t>* cancel = nullptr;  // not 0: end as soon as possible
  std::vector<std::string> paths;                // of segments, oldest first
  std::map<int32_t, SegmentStream> streams;      // of the packets in memory, by connection
  // Arrivals of the first and the last frame that a player shows, microseconds since the epoch, both inclusive.
  int64_t from_us = 0;
  int64_t to_us = 0;
};

class Clip : public HistoryJob {
 public:
  explicit Clip(const ClipOptions& options) : options_(options) {}

  // The next piece of the file.
  Answer Next(uint8_t* target, size_t room) override;
  int64_t next_sequence() const override { return 0; }
  void Add(std::vector<HistorySegment>, bool) override {}

 private:
  bool stopped() const { return LoadRelaxed(*options_.cancel) != 0; }
  bool InRange(const PacketInfo& packet) const {
    return packet.arrival_us >= options_.from_us && packet.arrival_us <= options_.to_us;
  }
  // Collects the parts and makes the index. Sets failure_ when that fails.
  void Prepare();
  void CollectDisk();
  // The GOPs of the range in the packet ring, oldest first.
  std::vector<MadeSegment> MakeFromMemory() const;
  // Adds the samples of a segment, unless it lies outside the range or belongs to another stream.
  void AddSegment(const Segment& segment, const std::string& path, std::shared_ptr<SegmentBytes> bytes);
  void AddAudio(const Segment& segment, ClipPart* part);
  void Trim();
  void CutParts();
  void TrimAudio(int64_t begin);
  // Copies samples to `target`, up to `bytes`. Returns the number of bytes copied, 0 when a segment is gone.
  size_t CopySamples(uint8_t* target, size_t bytes);
  Answer Failed() const;

  const ClipOptions options_;
  bool prepared_ = false;
  bool ended_ = false;  // the stream changed: the clip ends there
  std::vector<ClipPart> parts_;
  SegmentStream stream_;
  std::optional<AudioStream> audio_;
  int64_t last_audio_ = -1;  // time of the audio sample that was added last
  std::vector<uint8_t> parameter_sets_;
  // mp4 cannot show a frame for longer than about 6.6 hours.
  SegmentClock clock_{6LL * 3600 * 1'000'000};
  ClipIndex index_;
  size_t head_done_ = 0;                // bytes of the head that were delivered
  size_t run_ = 0;                      // index of the run in progress
  int64_t run_done_ = 0;                // bytes of it that were delivered
  std::shared_ptr<SegmentBytes> open_;  // the part open_part_
  size_t open_part_ = SIZE_MAX;
  std::string failure_;
};

}  // namespace chrys
