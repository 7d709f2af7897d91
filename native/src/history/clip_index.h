// The index of a clip: the mp4 file up to its samples, and where the samples lie in the segments.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mp4/segment_file.h"

namespace chrys {

// The samples of one segment that go into a clip.
struct ClipPart {
  std::string path;                     // empty: in memory
  std::shared_ptr<SegmentBytes> bytes;  // of a part in memory
  std::vector<SegmentSample> samples;
  std::vector<int64_t> pts;  // of each sample, on the clip's clock (SegmentClock)
  std::vector<int64_t> dts;
  std::vector<AudioSample> audio_samples;  // times on the clip's clock, in units of 1 / sample_rate

  // nullptr: the segment cannot be opened.
  std::shared_ptr<SegmentBytes> Open() const;
};

// Consecutive bytes of one part.
struct ClipRun {
  size_t part = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
};

struct ClipIndex {
  std::vector<uint8_t> head;  // the clip up to its samples
  std::vector<ClipRun> runs;  // the samples, in the order of the file
};

// `audio`: set if any part has audio. Stops early, with an incomplete index, when `cancel` is not 0.
// Errors: a segment is gone, libav refuses the streams, or the clip is too large.
Result<ClipIndex> MakeClipIndex(const std::vector<ClipPart>& parts, const SegmentStream& stream,
                                const std::optional<AudioStream>& audio, const std::atomic<int32_t>& cancel);

}  // namespace chrys
