// Publishes frames: one frame ring for each output format that callers use.
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
  // Allocates shared memory for an output's frame ring. It outlives this object. nullptr: out of memory.
  using Allocate = std::function<uint8_t*(int output, size_t bytes)>;

  Outputs(ControlBlock& control, int slots, size_t max_message_bytes, Allocate allocate)
      : control_(control), slots_(slots), max_message_bytes_(max_message_bytes), allocate_(std::move(allocate)) {}

  // Sets what is equal in every message of the connection.
  void Describe(const std::string& device_id, const std::string& codec_name, const std::vector<uint8_t>& extradata);

  // Reads the callers' filters and output formats from the control block. Called once per packet.
  void Refresh();
  // The filters of all callers.
  int32_t filters() const { return filters_; }
  // Filters that an output did not have before the last Refresh.
  int32_t new_filters() const { return new_filters_; }
  // Whether an output has the keyframe filter and has not published this keyframe.
  bool MissesKeyframe(int64_t frame_id) const;

  // Publishes the frame to every output that has one of `filters`; with `to_first` also to output 0.
  // Result counts outputs. `failure`: why the capture must end.
  struct Result {
    int published = 0;
    int refused = 0;    // not newer than the output's last frame
    int too_large = 0;  // the picture exceeds a message; OutputBlock.tooLarge tells the callers
    std::optional<Failure> failure;
  };
  Result Publish(const AVFrame* frame, const FrameFacts& facts, int32_t filters, int64_t keyframe_count, bool to_first);

 private:
  struct Output {
    int32_t filters = 0;
    int32_t serial = 0;
    OutputFormat format;
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
