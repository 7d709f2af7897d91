// The frame ring: the newest frames of one output, each a finished VideoFrame message. One writer, any number of
// readers in any thread. The writer never waits: each slot has a sequence lock, by which a reader notices an overrun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rings/ring_layout.h"

namespace chrys {

// What a slot header says about its frame.
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
  // Bytes of shared memory for `slots` slots. A message has up to `head_bytes` before and `data_bytes` of pixels.
  static size_t BytesFor(int slots, size_t head_bytes, size_t data_bytes);

  // Initializes a ring at `base`, which has BytesFor(...) bytes and outlives this object. Slots that an earlier writer
  // of the same layout filled stay readable until they are reused.
  FrameRingWriter(uint8_t* base, int32_t generation, int slots, size_t head_bytes, size_t data_bytes);

  // Whether messages of this size fit into the slots.
  bool Fits(size_t head_bytes, size_t data_bytes) const;

  // A slot that is being written. Fill `data`, then call Publish; readers skip the slot until then.
  struct Open {
    uint8_t* slot;
    uint8_t* data;  // where the pixels go; aligned to 64 bytes
  };
  // Takes the oldest slot. The slots of the newest keyframe and of the newest frame that was due by an interval are
  // kept if there are more than two slots, because callers with these filters fetch them later.
  Open Begin();
  void Publish(const Open& open, const std::vector<uint8_t>& head, const Published& frame);

 private:
  FrameSlotHeader& SlotAt(int index) const;

  uint8_t* const base_;
  const int slots_;
  const size_t data_offset_;  // from the slot's start to the pixels; the message's head ends here
  const size_t data_room_;
};

// Copies `bytes` from `source` to `target`. False: the slot's lock was not `lock` before and after the copy, so the
// content of `target` is invalid.
bool CopyFromSlot(const FrameSlotHeader& slot, int32_t lock, const uint8_t* source, size_t bytes, uint8_t* target);

}  // namespace chrys
