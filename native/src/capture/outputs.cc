#include "capture/outputs.h"

#include <algorithm>
#include <cerrno>

#include "base/atomics.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace chrys {

namespace {

// Spare bytes before the picture, because the head's length changes with that of a JPEG.
constexpr size_t kHeadSlack = 16;

}  // namespace

void Outputs::Describe(const std::string& device_id, const std::string& codec_name,
                       const std::vector<uint8_t>& extradata) {
  shape_.device_id = device_id;
  shape_.codec_name = codec_name;
  shape_.extradata = extradata;
}

void Outputs::Refresh() {
  filters_ = 0;
  new_filters_ = 0;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const OutputBlock& block = control_.outputs[i];
    Output& output = outputs_[i];
    const int32_t filters = block.filters.load();
    const int32_t serial = LoadRelaxed(block.serial);
    if (filters != 0 && serial != output.serial) {
      output.serial = serial;
      output.format = {LoadRelaxed(block.format), LoadRelaxed(block.width), LoadRelaxed(block.height),
                       LoadRelaxed(block.quality), LoadRelaxed(block.enlarge) != 0};
      output.last_keyframe_id = 0;
      output.filters = 0;
    }
    new_filters_ |= filters & ~output.filters;
    filters_ |= filters;
    output.filters = filters;
  }
}

bool Outputs::MissesKeyframe(int64_t frame_id) const {
  return std::any_of(outputs_.begin(), outputs_.end(), [&](const Output& output) {
    return (output.filters & kFilterKeyframes) != 0 && output.last_keyframe_id < frame_id;
  });
}

Outputs::Result Outputs::Publish(const AVFrame* frame, const FrameFacts& facts, int32_t filters, int64_t keyframe_count,
                                 bool to_first) {
  Result result;
  const bool keyframe = facts.packet.is_keyframe;
  const int32_t flags =
      (keyframe ? kFlagKeyframe : 0) | (facts.corrupt ? kFlagCorrupt : 0) | (filters << kFlagFilterShift);
  for (size_t i = 0; i < outputs_.size() && !result.failure; ++i) {
    Output& output = outputs_[i];
    if ((output.filters & filters) == 0 && !(to_first && i == 0)) continue;
    // A keyframe may be published after later frames of its GOP, for callers of keyframes.
    const int64_t last = keyframe ? output.last_keyframe_id : output.last_id;
    if (facts.frame_id <= last) {
      ++result.refused;
      continue;
    }
    PublishTo(static_cast<int>(i), frame, facts, flags, keyframe_count, &result);
  }
  return result;
}

void Outputs::PublishTo(int index, const AVFrame* frame, const FrameFacts& facts, int32_t flags, int64_t keyframe_count,
                        Result* result) {
  Output& output = outputs_[static_cast<size_t>(index)];
  OutputBlock& block = control_.outputs[static_cast<size_t>(index)];
  const PictureSize shown = UprightSize(frame);
  const PictureSize size = SizeOf(output.format, shown.width, shown.height);
  const char* format = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame->format));
  shape_.pixel_format = format == nullptr ? "" : format;
  shape_.width = size.width;
  shape_.height = size.height;
  shape_.format = output.format.format;
  size_t room = PictureRoom(output.format.format, size);
  const size_t head_room = FrameMessageHead(shape_, facts, room).size() + kHeadSlack;
  const bool jpeg = output.format.format == kFormatJpeg;
  // The size of a JPEG is known only after encoding.
  if (jpeg) room = std::min(room, max_message_bytes_ - std::min(max_message_bytes_, head_room));
  // Only the callers of this output are affected: smaller pictures of the same frame may fit.
  const auto refuse = [&] {
    block.tooLarge.store(size.width << 16 | size.height);
    ++result->too_large;
  };
  if (head_room + room > max_message_bytes_ || room == 0) return refuse();
  if (!EnsureRing(index, head_room, room)) {
    result->failure = FailureFromAv(AVERROR(ENOMEM), "making room for frames");
    return;
  }

  const FrameRingWriter::Open slot = output.ring->Begin();
  const auto bytes = output.maker.Make(frame, output.format, size, slot.data, room);
  if (!bytes) {
    if (bytes.error().error_number == ENOBUFS) return refuse();
    // Output 0 serves every caller that names no format, so the camera is useless without it.
    if (index == 0) result->failure = Failure{end::kUnsupportedCodec, bytes.error().message};
    return;
  }
  output.ring->Publish(
      slot, FrameMessageHead(shape_, facts, *bytes),
      {*bytes, flags, size.width, size.height, facts.frame_id, facts.packet.arrival_us, keyframe_count, output.serial});
  if (LoadRelaxed(block.tooLarge) != 0) block.tooLarge.store(0);
  output.last_id = std::max(output.last_id, facts.frame_id);
  if (facts.packet.is_keyframe) output.last_keyframe_id = facts.frame_id;
  ++result->published;
}

bool Outputs::EnsureRing(int index, size_t head_bytes, size_t room) {
  Output& output = outputs_[static_cast<size_t>(index)];
  if (output.ring && output.ring->Fits(head_bytes, room)) return true;
  uint8_t* memory = allocate_(index, FrameRingWriter::BytesFor(slots_, head_bytes, room));
  if (memory == nullptr) return false;
  output.ring.emplace(memory, ++output.generation, slots_, head_bytes, room);
  return true;
}

}  // namespace chrys
