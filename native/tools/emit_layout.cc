// Prints src/gen/ring-layout.ts from ring_layout.h: `make -C native layout`.
#include <cstdio>

#include "rings/ring_layout.h"

using namespace chrys;

namespace {

void Begin(const char* name, const char* what, size_t bytes) {
  std::printf(
      "\n/** %s Each field is an index into the typed array that ends its name. */\nexport const %s = {\n  bytes: "
      "%zu,\n",
      what, name, bytes);
}

void End() { std::printf("} as const;\n"); }

}  // namespace

#define EMIT_I32(Struct, field) std::printf("  " #field "I32: %zu,\n", offsetof(Struct, field) / 4);
#define EMIT_I64(Struct, field) std::printf("  " #field "I64: %zu,\n", offsetof(Struct, field) / 8);

int main() {
  std::printf("// Generated from native/src/rings/ring_layout.h by `make -C native layout`. Do not edit.\n\n");
  std::printf("export const LAYOUT_VERSION = %d;\n\n", kLayoutVersion);
  std::printf("export const DEMAND = { idle: %d, keyframes: %d, interval: %d, all: %d } as const;\n\n", kDemandIdle,
              kDemandKeyframes, kDemandInterval, kDemandAll);
  std::printf("export const FLAG = { keyframe: %d, corrupt: %d, filterShift: %d } as const;\n\n", kFlagKeyframe,
              kFlagCorrupt, kFlagFilterShift);
  std::printf(
      "/** Bits of the frame filters. `firstInterval` is the number of a bit, `intervals` the number of interval "
      "filters. */\n");
  std::printf("export const FRAME_FILTER = { keyframes: %d, all: %d, firstInterval: %d, intervals: %d } as const;\n\n",
              kFilterKeyframes, kFilterAll, kFilterFirstInterval, kIntervals);
  std::printf("export const PICTURE_FORMAT = { bgr24: %d, rgb24: %d, gray8: %d, i420: %d, jpeg: %d } as const;\n",
              kFormatBgr24, kFormatRgb24, kFormatGray8, kFormatI420, kFormatJpeg);
#define I32(f) EMIT_I32(ControlBlock, f)
#define I64(f) EMIT_I64(ControlBlock, f)
  Begin("CONTROL", "The control block of a camera.", kControlBytes);
  CHRYS_CONTROL_FIELDS(I32, I64)
  std::printf("  intervalMsI32: %zu,\n  outputsI32: %zu,\n", offsetof(ControlBlock, intervalMs) / 4,
              offsetof(ControlBlock, outputs) / 4);
  End();
#undef I32
#undef I64
#define I32(f) EMIT_I32(OutputBlock, f)
#define I64(f) EMIT_I64(OutputBlock, f)
  Begin("OUTPUT", "One of the control block's outputs, relative to its start.", kOutputBytes);
  std::printf("  count: %d,\n", kOutputs);
  CHRYS_OUTPUT_FIELDS(I32, I64)
  End();
#undef I32
#undef I64
#define I32(f) EMIT_I32(FrameRingHeader, f)
#define I64(f) EMIT_I64(FrameRingHeader, f)
  Begin("FRAME_RING", "The header of a frame ring; its slots follow.", kFrameRingHeaderBytes);
  CHRYS_FRAME_RING_FIELDS(I32, I64)
  End();
#undef I32
#undef I64
#define I32(f) EMIT_I32(FrameSlotHeader, f)
#define I64(f) EMIT_I64(FrameSlotHeader, f)
  Begin("FRAME_SLOT", "The header of one slot, relative to the slot's start.", kFrameSlotHeaderBytes);
  CHRYS_FRAME_SLOT_FIELDS(I32, I64)
  End();
#undef I32
#undef I64
#define I32(f) EMIT_I32(PacketRingHeader, f)
#define I64(f) EMIT_I64(PacketRingHeader, f)
  Begin("PACKET_RING", "The header of a packet ring; its entries and then its payload follow.", kPacketRingHeaderBytes);
  CHRYS_PACKET_RING_FIELDS(I32, I64)
  End();
#undef I32
#undef I64
#define I32(f) EMIT_I32(PacketEntry, f)
#define I64(f) EMIT_I64(PacketEntry, f)
  Begin("PACKET_ENTRY", "One entry of the packet ring, relative to the entry's start.", kPacketEntryBytes);
  CHRYS_PACKET_ENTRY_FIELDS(I32, I64)
  End();
  return 0;
}
