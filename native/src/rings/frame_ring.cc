#include "rings/frame_ring.h"

#include <cassert>
#include <cstring>

#include "base/atomics.h"
#include "rings/copy_while_written.h"

namespace chrys {

namespace {

size_t AlignUp(size_t value) { return (value + kCacheLine - 1) & ~(kCacheLine - 1); }

size_t DataOffset(size_t head_bytes) { return AlignUp(kFrameSlotHeaderBytes + head_bytes); }

size_t Stride(size_t head_bytes, size_t data_bytes) {
  return DataOffset(head_bytes) + AlignUp(data_bytes) + kPicturePadding;
}

}  // namespace

size_t FrameRingWriter::BytesFor(int slots, size_t head_bytes, size_t data_bytes) {
  return kFrameRingHeaderBytes + static_cast<size_t>(slots) * Stride(head_bytes, data_bytes);
}

FrameRingWriter::FrameRingWriter(uint8_t* base, int32_t generation, int slots, size_t head_bytes, size_t data_bytes)
    : base_(base), slots_(slots), data_offset_(DataOffset(head_bytes)), data_room_(AlignUp(data_bytes)) {
  auto& header = *reinterpret_cast<FrameRingHeader*>(base);
  header.generation.store(generation);
  header.slotCount.store(slots);
  header.slotStride.store(static_cast<int32_t>(Stride(head_bytes, data_bytes)));
  header.latestFrameId.store(0);
  header.latestKeyframeId.store(0);
  header.latestIntervalId.store(0);
  header.layoutVersion.store(kLayoutVersion);
}

bool FrameRingWriter::Fits(size_t head_bytes, size_t data_bytes) const {
  return kFrameSlotHeaderBytes + head_bytes <= data_offset_ && data_bytes <= data_room_;
}

FrameSlotHeader& FrameRingWriter::SlotAt(int index) const {
  const size_t stride = data_offset_ + data_room_ + kPicturePadding;
  return *reinterpret_cast<FrameSlotHeader*>(base_ + kFrameRingHeaderBytes + static_cast<size_t>(index) * stride);
}

FrameRingWriter::Open FrameRingWriter::Begin() {
  const auto& header = *reinterpret_cast<const FrameRingHeader*>(base_);
  const int64_t keyframe = LoadRelaxed(header.latestKeyframeId);
  const int64_t due = LoadRelaxed(header.latestIntervalId);
  FrameSlotHeader* oldest = nullptr;
  for (int i = 0; i < slots_; ++i) {
    FrameSlotHeader& slot = SlotAt(i);
    const int64_t frame_id = LoadRelaxed(slot.frameId);
    if (frame_id != 0 && (frame_id == keyframe || frame_id == due) && slots_ > 2) continue;
    if (oldest == nullptr || frame_id < LoadRelaxed(oldest->frameId)) oldest = &slot;
  }
  // The lock is already odd when an earlier writer stopped while writing.
  StoreRelaxed(oldest->lock, (LoadRelaxed(oldest->lock) + 1) | 1);
  // Readers must see the odd lock before any byte of the slot changes.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  auto* slot = reinterpret_cast<uint8_t*>(oldest);
  return {slot, slot + data_offset_};
}

void FrameRingWriter::Publish(const Open& open, const std::vector<uint8_t>& head, const Published& frame) {
  assert(kFrameSlotHeaderBytes + head.size() <= data_offset_);
  assert(frame.data_bytes <= data_room_);
  auto& slot = *reinterpret_cast<FrameSlotHeader*>(open.slot);
  std::memcpy(open.data - head.size(), head.data(), head.size());
  StoreRelaxed(slot.flags, frame.flags);
  StoreRelaxed(slot.messageOffset, static_cast<int32_t>(data_offset_ - head.size()));
  StoreRelaxed(slot.messageBytes, static_cast<int32_t>(head.size() + frame.data_bytes));
  StoreRelaxed(slot.dataOffset, static_cast<int32_t>(data_offset_));
  StoreRelaxed(slot.dataBytes, static_cast<int32_t>(frame.data_bytes));
  StoreRelaxed(slot.width, frame.width);
  StoreRelaxed(slot.height, frame.height);
  StoreRelaxed(slot.frameId, frame.frame_id);
  StoreRelaxed(slot.arrivalUs, frame.arrival_us);
  StoreRelaxed(slot.keyframeCount, frame.keyframe_count);
  StoreRelaxed(slot.serial, frame.serial);
  slot.lock.store(LoadRelaxed(slot.lock) + 1, std::memory_order_release);
  auto& header = *reinterpret_cast<FrameRingHeader*>(base_);
  if ((frame.flags & kFlagKeyframe) != 0) header.latestKeyframeId.store(frame.frame_id, std::memory_order_release);
  if ((frame.flags >> (kFlagFilterShift + kFilterFirstInterval)) != 0) {
    header.latestIntervalId.store(frame.frame_id, std::memory_order_release);
  }
  header.latestFrameId.store(frame.frame_id, std::memory_order_release);
}

bool CopyFromSlot(const FrameSlotHeader& slot, int32_t lock, const uint8_t* source, size_t bytes, uint8_t* target) {
  if ((lock & 1) != 0 || slot.lock.load(std::memory_order_acquire) != lock) return false;
  CopyWhileWritten(target, source, bytes);
  std::atomic_thread_fence(std::memory_order_acquire);
  return LoadRelaxed(slot.lock) == lock;
}

}  // namespace chrys
