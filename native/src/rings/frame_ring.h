// The newest decoded frames of one camera, each a finished VideoFrame message. One writer, any number of readers in any
// thread; readers are never waited for: a slot has a sequence lock, and who was overrun finds out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rings/ring_layout.h"

namespace chrys {

// What a slot says about the frame in it.
struct Published {
  size_t data_bytes = 0;
  int32_t flags = 0;
  int width = 0;
  int height = 0;
  int64_t frame_id = 0;
  int64_t arrival_us = 0;
  int64_t keyframe_count = 0;
  int32_t serial = 0;
};

class FrameRingWriter {
 public:
  // Bytes of shared memory for `slots` slots that hold messages with `head_bytes` before and `data_bytes` of pixels.
  static size_t BytesFor(int slots, size_t head_bytes, size_t data_bytes);

  // Lays out a ring over `base`, which is BytesFor(...) long and outlives this object. Slots that an earlier writer of
  // the same layout filled stay readable until they are taken.
  FrameRingWriter(uint8_t* base, int32_t generation, int slots, size_t head_bytes, size_t data_bytes);

  // Whether messages of that size fit into the slots.
  bool Fits(size_t head_bytes, size_t data_bytes) const;

  // A slot that is being written: fill `data`, then Publish. Readers see neither until then.
  struct Open {
    uint8_t* slot;
    uint8_t* data;  // where the pixels go; aligned to 64 bytes
  };
  // Takes the oldest slot, but not those of the newest keyframe and of the newest frame that is due by an interval,
  // while there are others: callers that want only these come back for them later.
  Open Begin();
  void Publish(const Open& open, const std::vector<uint8_t>& head, const Published& frame);

 private:
  FrameSlotHeader& SlotAt(int index) const;

  uint8_t* const base_;
  const int slots_;
  const size_t data_offset_;  // from the slot's start; the message's head ends here
  const size_t data_room_;
};

// Copies `bytes` from `source` to `target` if the slot's lock is `lock` before and after. False: overrun, rubbish in
// target.
bool CopyFromSlot(const FrameSlotHeader& slot, int32_t lock, const uint8_t* source, size_t bytes, uint8_t* target);

}  // namespace chrys
