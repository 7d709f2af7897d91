// The one definition of every structure that native code and TypeScript share through a SharedArrayBuffer.
//
// `native/tools/emit_layout.cc` prints src/gen/ring-layout.ts from the lists below, CI compares the two, and the
// addon refuses to run against a TypeScript side with another LAYOUT_VERSION. All integers are in host byte order;
// every field is naturally aligned and is read and written atomically from both sides.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace chrys {

constexpr int32_t kLayoutVersion = 4;

// What the loop decodes, in rising order of cost.
constexpr int32_t kDemandIdle = 0;       // demux only
constexpr int32_t kDemandKeyframes = 1;  // keyframe packets only
constexpr int32_t kDemandInterval = 2;   // up to the last wanted frame of each group
constexpr int32_t kDemandAll = 3;        // every packet

constexpr int32_t kFlagKeyframe = 1;
constexpr int32_t kFlagCorrupt = 2;
constexpr int32_t kFlagHidden = 4;  // of a packet: it is decoded, and its picture is not shown (edit lists of files)

// Classes of frames that callers want; a frame is of several. A bit each, in OutputBlock.wants and, shifted by
// kFlagClassShift, in the flags of a frame slot. Bit kClassFirstInterval + i: due by ControlBlock.intervalMs[i].
constexpr int32_t kClassKeyframes = 1;
constexpr int32_t kClassAll = 2;
constexpr int32_t kClassFirstInterval = 2;
constexpr int32_t kIntervals = 8;
constexpr int32_t kFlagClassShift = 8;

// Looks of a picture that callers may have at a time, one output each. Output 0 is always BGR24 of the camera's size.
constexpr int32_t kOutputs = 16;

// As PictureFormat of the protocol.
constexpr int32_t kFormatBgr24 = 0;
constexpr int32_t kFormatRgb24 = 1;
constexpr int32_t kFormatGray8 = 2;
constexpr int32_t kFormatI420 = 3;
constexpr int32_t kFormatJpeg = 4;

// CONTROL BLOCK, one per camera, alive as long as the camera is defined (it outlives connections and workers).
// Main writes `stop`, `snapshotWanted`, the `*Waiters`, the intervals and the outputs; the capture loop writes
// everything else. The fields are followed by intervalMs[kIntervals] and OutputBlock[kOutputs].
#define CHRYS_CONTROL_FIELDS(I32, I64)                                                                            \
  I32(layoutVersion)  /* kLayoutVersion, written by main before the worker starts */                              \
  I32(stop)           /* not 0: leave the loop now; 2: the process ends, so TEARDOWN takes at most 300 ms */      \
  I32(bufferLimited)  /* 1: the byte budget keeps fewer packets than are wished for */                            \
  I32(snapshotWanted) /* count of one-shot requests: decode the group in progress once and publish its newest */  \
  I32(snapshotDone)   /* the snapshotWanted that the loop has served */                                           \
  I32(frameEvent)     /* grows with every published frame; what frame readers wait on */                          \
  I32(frameWaiters)   /* > 0: the loop must notify frameEvent */                                                  \
  I32(packetEvent)    /* grows with every stored packet; what packet readers wait on */                           \
  I32(packetWaiters)  /* > 0: the loop must notify packetEvent */                                                 \
  I32(connected)      /* 1 while the stream is open */                                                            \
  I32(fpsMilli)       /* measured frames per second x 1000, from pts, 0 = not known yet */                        \
  I32(gopPackets)     /* packets in the last whole group of pictures, 0 = not known yet */                        \
  I32(width)          /* of the newest decoded frame, pixels */                                                   \
  I32(height)                                                                                                     \
  I32(decodingMode)   /* the kDemand* that the loop is serving */                                                 \
  I32(decoderDelay)   /* frames that the decoder holds back to put them in order */                               \
  I32(stallLimitMs)   /* time without a picture that counts as a stall, 0 = not known yet */                      \
  I32(packetsDamaged) /* count of stored packets that loss damaged */                                             \
  I64(packets)        /* counters since the camera was defined */                                                 \
  I64(keyframes)                                                                                                  \
  I64(bytes)                                                                                                      \
  I64(framesDecoded)                                                                                              \
  I64(framesPublished)                                                                                            \
  I64(framesCorrupt)                                                                                              \
  I64(framesDropped)       /* decoded, wanted, and not published: not beyond the last one's pts */                \
  I64(decodeErrors)        /* packets that the decoder refused */                                                 \
  I64(decodeUs)            /* time spent in the decoder, microseconds */                                          \
  I64(convertUs)           /* time spent scaling and converting, microseconds */                                  \
  I64(lastPacketMs)        /* arrival of the newest packet, ms since the epoch, 0 = none yet */                   \
  I64(lastFrameMs)         /* arrival of the newest published frame's packet, ms since the epoch, 0 = none yet */ \
  I64(frameSequence)       /* frame id of the newest published frame, 0 = none yet */                             \
  I64(packetSequence)      /* sequence of the newest stored packet; never falls while the camera lives */         \
  I64(connectionKeyframes) /* keyframes since the camera connected */

// What callers want of one look. The capture loop writes `tooLarge`, and main writes the other fields. `wants` is
// written last and read first. The look of an output changes only while its `wants` is 0; then `wants` stays 0 for
// longer than a frame takes.
#define CHRYS_OUTPUT_FIELDS(I32, I64)                                                                                \
  I32(wants)  /* kClass* of all its callers, 0 = nobody asks */                                                      \
  I32(format) /* kFormat* */                                                                                         \
  I32(width)  /* pixels that are asked for, 0 = as the other one says */                                             \
  I32(height)                                                                                                        \
  I32(quality)  /* of a JPEG, 1 to 100 */                                                                            \
  I32(enlarge)  /* 1: may be larger than the camera's picture */                                                     \
  I32(serial)   /* grows with every new look of this output */                                                       \
  I32(tooLarge) /* not 0: the newest picture exceeds a message; width << 16 | height. Main clears it with new demand \
                 */

// FRAME RING header, one ring per output, followed by slotCount slots of slotStride bytes each, the first at
// kFrameRingHeaderBytes. A slot is a slot header and, at messageOffset from the slot's start, a finished VideoFrame
// message.
#define CHRYS_FRAME_RING_FIELDS(I32, I64)                                 \
  I32(layoutVersion)                                                      \
  I32(generation) /* of slots; a new one when frames outgrow the slots */ \
  I32(slotCount)                                                          \
  I32(slotStride) /* bytes, a multiple of 64 */                           \
  I64(latestSequence)                                                     \
  I64(latestKeyframeSequence)                                             \
  I64(latestIntervalSequence) /* newest frame that is due by any interval */

#define CHRYS_FRAME_SLOT_FIELDS(I32, I64)                                                                       \
  I32(lock)          /* sequence lock: odd while the slot is being written */                                   \
  I32(flags)         /* kFlag*, and kClass* << kFlagClassShift */                                               \
  I32(messageOffset) /* bytes from the slot's start to the message */                                           \
  I32(messageBytes)  /* the same for all frames of one size, except of JPEG: all its numbers are fixed-width */ \
  I32(dataOffset)    /* bytes from the slot's start to the picture */                                           \
  I32(dataBytes)                                                                                                \
  I32(width)                                                                                                    \
  I32(height)                                                                                                   \
  I32(serial) /* OutputBlock.serial of the look that it has */                                                  \
  I32(reserved)                                                                                                 \
  I64(sequence)  /* frame id, 0 = never written */                                                              \
  I64(arrivalUs) /* of the frame's packet, microseconds since the epoch */                                      \
  I64(keyframes) /* ControlBlock.keyframes at that packet */

// PACKET RING header, followed by entryCount entries and then by dataBytes of payload.
// Whole groups of pictures leave at a time. A reader copies entry and payload, then looks at firstSequence again: if it
// has passed the packet, the copy may be torn and must be thrown away (the reader was overrun).
#define CHRYS_PACKET_RING_FIELDS(I32, I64)                                                                      \
  I32(layoutVersion)                                                                                            \
  I32(entryCount)           /* a power of two; packet n is in entry n % entryCount */                           \
  I64(dataBytes)            /* size of the payload region, of which the writer uses only as much as it needs */ \
  I64(firstSequence)        /* oldest packet that is still whole */                                             \
  I64(nextSequence)         /* one past the newest packet */                                                    \
  I64(lastKeyframeSequence) /* newest keyframe, 0 = none */                                                     \
  I64(capacity)             /* of dataBytes, what the writer uses by now */                                     \
  I64(minPackets)           /* packets that the writer keeps if the budget allows it; main may change it at any time */

#define CHRYS_PACKET_ENTRY_FIELDS(I32, I64)                                                             \
  I32(size)        /* bytes of payload */                                                               \
  I32(flags)       /* kFlag* */                                                                         \
  I32(gopIndex)    /* index in its group of pictures, 0 at the keyframe */                              \
  I32(timeBaseNum) /* seconds per tick = num / den */                                                   \
  I32(timeBaseDen)                                                                                      \
  I32(connection) /* grows with every connection: timestamps of two connections do not compare */       \
  I64(sequence)                                                                                         \
  I64(offset)     /* of the payload in the payload region */                                            \
  I64(pts)        /* ticks */                                                                           \
  I64(dts)        /* ticks */                                                                           \
  I64(arrivalUs)  /* microseconds since the epoch */                                                    \
  I64(senderUs)   /* from RTCP sender reports, microseconds since the epoch, 0 = not known */           \
  I64(keyframe)   /* number of keyframes since the camera connected */                                  \
  I64(originalUs) /* of a replay: arrival when it was recorded, microseconds since the epoch; else 0 */ \
  I64(originalId) /* of a replay: the frame id that it was recorded with; else 0 */

#define CHRYS_MEMBER_I32(name) std::atomic<int32_t> name;
#define CHRYS_MEMBER_I64(name) std::atomic<int64_t> name;

struct OutputBlock {
  CHRYS_OUTPUT_FIELDS(CHRYS_MEMBER_I32, CHRYS_MEMBER_I64)
};
struct ControlBlock {
  CHRYS_CONTROL_FIELDS(CHRYS_MEMBER_I32, CHRYS_MEMBER_I64)
  std::atomic<int32_t> intervalMs[kIntervals];  // 0 = not in use
  OutputBlock outputs[kOutputs];
};
struct FrameRingHeader {
  CHRYS_FRAME_RING_FIELDS(CHRYS_MEMBER_I32, CHRYS_MEMBER_I64)
};
struct FrameSlotHeader {
  CHRYS_FRAME_SLOT_FIELDS(CHRYS_MEMBER_I32, CHRYS_MEMBER_I64)
};
struct PacketRingHeader {
  CHRYS_PACKET_RING_FIELDS(CHRYS_MEMBER_I32, CHRYS_MEMBER_I64)
};
struct PacketEntry {
  CHRYS_PACKET_ENTRY_FIELDS(CHRYS_MEMBER_I32, CHRYS_MEMBER_I64)
};

#undef CHRYS_MEMBER_I32
#undef CHRYS_MEMBER_I64

constexpr size_t kCacheLine = 64;
// Bytes behind a picture that libswscale may overwrite: its vector code writes up to 16 pixels at a time.
constexpr size_t kPicturePadding = 64;
constexpr size_t kControlBytes = 768;
constexpr size_t kOutputBytes = 32;
constexpr size_t kFrameRingHeaderBytes = 64;
constexpr size_t kFrameSlotHeaderBytes = 64;
constexpr size_t kPacketRingHeaderBytes = 64;
constexpr size_t kPacketEntryBytes = 96;

static_assert(sizeof(std::atomic<int32_t>) == 4 && std::atomic<int32_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<int64_t>) == 8 && std::atomic<int64_t>::is_always_lock_free);
static_assert(sizeof(ControlBlock) <= kControlBytes);
static_assert(sizeof(OutputBlock) == kOutputBytes);
static_assert(sizeof(FrameRingHeader) <= kFrameRingHeaderBytes);
static_assert(sizeof(FrameSlotHeader) <= kFrameSlotHeaderBytes);
static_assert(sizeof(PacketRingHeader) <= kPacketRingHeaderBytes);
static_assert(sizeof(PacketEntry) == kPacketEntryBytes);

}  // namespace chrys
