// What the capture loop publishes: one frame ring for each look that callers have at the time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/av_handles.h"
#include "base/failure.h"
#include "frames/frame_message.h"
#include "frames/picture.h"
#include "rings/frame_ring.h"
#include "rings/packet_ring.h"
#include "rings/ring_layout.h"

namespace chrys {

class Outputs {
 public:
  // Shared memory of that many bytes for an output, which outlives this object; nullptr: there is none.
  using Allocate = std::function<uint8_t*(int output, size_t bytes)>;

  Outputs(ControlBlock& control, int slots, size_t max_message_bytes, Allocate allocate)
      : control_(control), slots_(slots), max_message_bytes_(max_message_bytes), allocate_(std::move(allocate)) {}

  // What is the same in every message of the connection.
  void Describe(const std::string& device_id, const std::string& codec_name, const std::vector<uint8_t>& extradata);

  // Reads what callers want by now; once for each packet.
  void Refresh();
  // Classes that anybody filters.
  int32_t filters() const { return filters_; }
  // Classes that an output did not want before the last Refresh.
  int32_t new_filters() const { return new_filters_; }
  // An output filters keyframes and has not had this one.
  bool MissesKeyframe(int64_t frame_id) const;

  // Publishes the frame for every output that filters one of its filters; for the first output also when `to_first`.
  // Counts outputs, or tells why the camera cannot go on.
  struct Result {
    int published = 0;
    int refused = 0;    // wanted, but older than what was published
    int too_large = 0;  // the picture does not fit into a message; OutputBlock.tooLarge says so to the callers
    std::optional<Failure> failure;
  };
  Result Publish(const AVFrame* frame, const FrameFacts& facts, int32_t filters, int64_t keyframe_count, bool to_first);

 private:
  struct Output {
    int32_t filters = 0;
    int32_t serial = 0;
    OutputFormat output_format;
    PictureMaker maker;
    std::optional<FrameRingWriter> ring;
    int32_t generation = 0;
    int64_t last_id = 0;
    int64_t last_keyframe_id = 0;
  };

  void PublishTo(int index, const AVFrame* frame, const FrameFacts& facts, int32_t flags, int64_t keyframe_count,
                 Result* result);
  bool EnsureRing(int index, size_t head_bytes, size_t room);

  ControlBlock& control_;
  const int slots_;
  const size_t max_message_bytes_;
  const Allocate allocate_;
  std::array<Output, kOutputs> outputs_;
  FrameShape shape_;
  int32_t filters_ = 0;
  int32_t new_filters_ = 0;
};

}  // namespace chrys
