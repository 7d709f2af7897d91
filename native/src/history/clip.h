// One mp4 file over many segments and what memory still holds beyond them, made while it is read: its index comes
// first, the pictures are copied from where they lie.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/atomics.h"
#include "history/history_job.h"
#include "mp4/frame_times.h"
#include "mp4/segment_file.h"
#include "rings/packet_ring.h"

namespace chrys {

struct ClipOptions {
  SegmentRings rings;                            // without a base: nothing is in memory
  const std::atomic<int32_t>* cancel = nullptr;  // not 0: end as soon as possible
  std::vector<std::string> paths;                // segments in order
  std::map<int32_t, SegmentStream> streams;      // of the packets in memory, by connection
  // Arrival of the first and the last frame that a player shows, microseconds since the epoch, both inclusive.
  int64_t from_us = 0;
  int64_t to_us = 0;
};

class Clip : public HistoryJob {
 public:
  explicit Clip(const ClipOptions& options) : options_(options) {}

  // Pieces of the file, in order.
  Answer Next(uint8_t* target, size_t room) override;
  int64_t wanted() const override { return 0; }
  void Add(std::vector<HistorySegment>, bool) override {}

 private:
  // Samples of one segment that go into the clip.
  struct Part {
    std::string path;                     // empty: in memory
    std::shared_ptr<SegmentBytes> bytes;  // of a part in memory
    std::vector<SegmentSample> samples;
    std::vector<int64_t> pts;  // on the clip's own clock
    std::vector<int64_t> dts;
    std::vector<AudioSample> sound;  // times on the clip's own clock, in samples
  };
  struct Run {  // bytes of a part that lie in a row
    size_t part = 0;
    int64_t offset = 0;
    int64_t bytes = 0;
  };

  bool stopped() const { return LoadRelaxed(*options_.cancel) != 0; }
  // Looks at everything and makes the head. False: failure_ says why, unless there is nothing.
  bool Prepare();
  void CollectDisk();
  // The groups of the range that memory has, oldest first.
  std::vector<SegmentResult> MakeFromMemory() const;
  bool AddSegment(const Segment& segment, const std::string& path, std::shared_ptr<SegmentBytes> bytes);
  void Trim();
  void TrimAudio(int64_t begin);
  int64_t LastAudioSamples() const;
  bool MakeHead();
  std::unique_ptr<SegmentBytes> Open(const Part& part) const;

  const ClipOptions options_;
  bool prepared_ = false;
  bool ended_ = false;  // the stream changed, or the range is over: the clip ends there
  std::vector<Part> parts_;
  SegmentStream stream_;
  std::optional<AudioStream> audio_;
  int64_t last_audio_ = -1;  // time of the sound that was added last
  std::vector<uint8_t> parameter_sets_;
  // mp4 knows no frame that is shown for longer than some 6.6 hours.
  TimeRow times_{6LL * 3600 * 1'000'000};
  std::vector<uint8_t> head_;
  size_t head_done_ = 0;
  std::vector<Run> runs_;
  size_t run_ = 0;
  int64_t run_done_ = 0;
  std::shared_ptr<SegmentBytes> open_;  // of runs_[run_]
  size_t open_part_ = SIZE_MAX;
  std::string failure_;
};

}  // namespace chrys
