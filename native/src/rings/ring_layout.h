// The one definition of every structure that C++ and TypeScript share in a SharedArrayBuffer.
//
// `native/tools/emit_layout.cc` prints src/gen/ring-layout.ts from the lists below, CI compares the two, and the
// addon does not load into a TypeScript side with another LAYOUT_VERSION. All integers are in host byte order and
// naturally aligned.
//
// C++ accesses every field as std::atomic. TypeScript uses Atomics for the control block, the ring headers and the
// frame slots. It reads 64-bit fields of rings as two halves, and packet entries without Atomics: a slot's lock, or
// firstSequence, then tells whether the copy is consistent.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace chrys {

constexpr int32_t kLayoutVersion = 5;

// What the capture loop decodes, in rising order of cost.
constexpr int32_t kDemandIdle = 0;       // nothing
constexpr int32_t kDemandKeyframes = 1;  // keyframes
constexpr int32_t kDemandInterval = 2;   // up to the last due frame of each GOP
constexpr int32_t kDemandAll = 3;        // every packet

constexpr int32_t kFlagKeyframe = 1;
constexpr int32_t kFlagCorrupt = 2;
constexpr int32_t kFlagHidden = 4;  // packets only: the packet is decoded, its picture is not shown (edit lists)

// Frame filters, one bit each. A frame can match several. OutputBlock.filters holds the filters of an output's
// callers; the flags of a frame slot hold the filters that the frame matches, shifted left by kFlagFilterShift.
// Bit kFilterFirstInterval + i: the frame is due by ControlBlock.intervalMs[i].
constexpr int32_t kFilterKeyframes = 1;
constexpr int32_t kFilterAll = 2;
constexpr int32_t kFilterFirstInterval = 2;  // number of a bit
constexpr int32_t kIntervals = 8;
constexpr int32_t kFlagFilterShift = 8;

// Maximum number of output formats in use at a time, one output each. Output 0 always delivers unscaled BGR24.
constexpr int32_t kOutputs = 16;

// The values of PictureFormat in the protocol.
constexpr int32_t kFormatBgr24 = 0;
constexpr int32_t kFormatRgb24 = 1;
constexpr int32_t kFormatGray8 = 2;
constexpr int32_t kFormatI420 = 3;
constexpr int32_t kFormatJpeg = 4;

// CONTROL BLOCK, one per camera. It lives as long as the camera is defined, so it outlives connections and workers.
// The main thread writes `layoutVersion`, `stop`, `snapshotWanted`, the `*Waiters`, the intervals and the outputs. The
// capture loop writes everything else. The fields are followed by intervalMs[kIntervals] and OutputBlock[kOutputs].
#define CHRYS_CONTROL_FIELDS(I32, I64)                                                                                \
  I32(layoutVersion)  /* kLayoutVersion, written before the worker starts */                                          \
  I32(stop)           /* not 0: leave the loop now. 2: the process ends, so TEARDOWN takes at most 300 ms */          \
  I32(bufferLimited)  /* 1: the byte budget keeps fewer packets than minPackets */                                    \
  I32(snapshotWanted) /* count of one-shot requests: decode the GOP in progress once, publish its newest frame */     \
  I32(snapshotDone)   /* the snapshotWanted that the loop has served */                                               \
  I32(frameEvent)     /* grows with every published frame; frame readers wait on it */                                \
  I32(frameWaiters)   /* > 0: the loop must notify frameEvent */                                                      \
  I32(packetEvent)    /* grows with every stored packet; packet readers wait on it */                                 \
  I32(packetWaiters)  /* > 0: the loop must notify packetEvent */                                                     \
  I32(connected)      /* 1 while the stream is open */                                                                \
  I32(fpsMilli)       /* measured frames per second x 1000, from pts, 0 = not known yet */                            \
  I32(gopPackets)     /* packets in the last whole GOP, 0 = not known yet */                                          \
  I32(width)          /* of the newest decoded frame, pixels */                                                       \
  I32(height)                                                                                                         \
  I32(decodingMode)   /* the kDemand* that the loop is serving */                                                     \
  I32(decoderDelay)   /* frames that the decoder holds back to reorder them */                                        \
  I32(stallLimitMs)   /* time without a picture that counts as a stall, 0 = not known yet */                          \
  I32(packetsDamaged) /* count of stored packets that loss damaged */                                                 \
  I64(packets)        /* this and the following counts: since the camera was defined */                               \
  I64(keyframeCount)                                                                                                  \
  I64(bytes)                                                                                                          \
  I64(framesDecoded)                                                                                                  \
  I64(framesPublished)                                                                                                \
  I64(framesCorrupt)                                                                                                  \
  I64(framesDropped)           /* decoded, matching a filter, and not published: not newer than the last frame */     \
  I64(decodeErrors)            /* packets that the decoder refused */                                                 \
  I64(decodeUs)                /* time spent in the decoder, microseconds */                                          \
  I64(convertUs)               /* time spent scaling and converting, microseconds */                                  \
  I64(lastPacketMs)            /* arrival of the newest packet, ms since the epoch, 0 = none yet */                   \
  I64(lastFrameMs)             /* arrival of the newest published frame's packet, ms since the epoch, 0 = none yet */ \
  I64(newestFrameId)           /* frame id of the newest published frame, 0 = none yet */                             \
  I64(packetSequence)          /* sequence of the newest stored packet; never falls while the camera lives */         \
  I64(connectionKeyframeCount) /* keyframes since the camera connected */

// One output. The capture loop writes `tooLarge`, and the main thread writes the other fields. `filters` is written
// last and read first. The format of an output changes only while its `filters` is 0, and `filters` then stays 0 for
// longer than the capture loop takes for one frame.
#define CHRYS_OUTPUT_FIELDS(I32, I64)                                         \
  I32(filters) /* kFilter* of all callers, 0 = no caller */                   \
  I32(format)  /* kFormat* */                                                 \
  I32(width)   /* pixels, 0 = follows from the height and the aspect ratio */ \
  I32(height)                                                                 \
  I32(quality)  /* JPEG quality, 1 to 100 */                                  \
  I32(enlarge)  /* 1: may be larger than the camera's picture */              \
  I32(serial)   /* grows with every new output format of this output */       \
  I32(tooLarge) /* not 0: the newest picture exceeds a message; width << 16 | height. Cleared with new demand */

// FRAME RING header, one ring per output. slotCount slots of slotStride bytes follow, the first at
// kFrameRingHeaderBytes. A slot is a slot header and, at messageOffset from the slot's start, a finished VideoFrame
// message.
#define CHRYS_FRAME_RING_FIELDS(I32, I64)                                        \
  I32(layoutVersion)                                                             \
  I32(generation) /* grows when the ring is replaced by one with larger slots */ \
  I32(slotCount)                                                                 \
  I32(slotStride) /* bytes, a multiple of 64 */                                  \
  I64(latestFrameId)                                                             \
  I64(latestKeyframeId) /* frame id of the newest keyframe */                    \
  I64(latestIntervalId) /* frame id of the newest frame that was due by any interval */

#define CHRYS_FRAME_SLOT_FIELDS(I32, I64)                                                                  \
  I32(lock)          /* sequence lock: odd while the slot is being written */                              \
  I32(flags)         /* kFlag*, and kFilter* << kFlagFilterShift */                                        \
  I32(messageOffset) /* bytes from the slot's start to the message */                                      \
  I32(messageBytes)  /* equal for all frames of one size (numbers have a fixed width), except with JPEG */ \
  I32(dataOffset)    /* bytes from the slot's start to the picture */                                      \
  I32(dataBytes)                                                                                           \
  I32(width)                                                                                               \
  I32(height)                                                                                              \
  I32(serial) /* OutputBlock.serial of its output format */                                                \
  I32(reserved)                                                                                            \
  I64(frameId)       /* 0 = never written */                                                               \
  I64(arrivalUs)     /* of the frame's packet, microseconds since the epoch */                             \
  I64(keyframeCount) /* ControlBlock.keyframeCount at that packet */

// PACKET RING header, followed by entryCount entries and then by dataBytes of payload.
// The writer discards whole GOPs. A reader copies entry and payload and then reads firstSequence again: when it has
// passed the packet, the reader was overrun, and must discard the copy, which may be torn.
#define CHRYS_PACKET_RING_FIELDS(I32, I64)                                                                         \
  I32(layoutVersion)                                                                                               \
  I32(entryCount)           /* a power of two; packet n is in entry n % entryCount */                              \
  I64(dataBytes)            /* size of the payload region */                                                       \
  I64(firstSequence)        /* oldest packet that is still whole */                                                \
  I64(nextSequence)         /* one past the newest packet */                                                       \
  I64(lastKeyframeSequence) /* newest keyframe, 0 = none */                                                        \
  I64(capacity)             /* part of dataBytes that the writer uses so far */                                    \
  I64(minPackets)      /* packets that the writer keeps if the budget allows it; main may change it at any time */ \
  I32(openConnection)  /* the connection that may send further packets, 0 = none */                                \
  I32(declaredReorder) /* number of frames that its headers allow to be decoded before a frame and shown after it */

#define CHRYS_PACKET_ENTRY_FIELDS(I32, I64)                                                                \
  I32(size)        /* bytes of payload */                                                                  \
  I32(flags)       /* kFlag* */                                                                            \
  I32(gopIndex)    /* index in its GOP, 0 at the keyframe */                                               \
  I32(timeBaseNum) /* seconds per tick = num / den */                                                      \
  I32(timeBaseDen)                                                                                         \
  I32(connection) /* differs between connections, whose timestamps cannot be compared */                   \
  I64(sequence)                                                                                            \
  I64(offset)        /* of the payload in the payload region */                                            \
  I64(pts)           /* ticks */                                                                           \
  I64(dts)           /* ticks */                                                                           \
  I64(arrivalUs)     /* microseconds since the epoch */                                                    \
  I64(senderUs)      /* from RTCP sender reports, microseconds since the epoch, 0 = not known */           \
  I64(keyframeCount) /* keyframes since the camera connected, this packet included */                      \
  I64(originalUs)    /* of a replay: arrival when it was recorded, microseconds since the epoch; else 0 */ \
  I64(originalId)    /* of a replay: the frame id that it was recorded with; else 0 */

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
// Bytes behind a picture that libswscale may overwrite. Its vector code writes up to 16 pixels at a time.
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
