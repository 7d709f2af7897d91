/** The interface of the native addon (native/). The addon checks the form of what it is given, and throws TypeError. */
import type { CaptureHooks, CaptureOptions, CaptureResult } from './capture.js';
import type {
  ClipOptions,
  HistoryAnswer,
  HistoryHandle,
  HistoryOptions,
  HistorySegment,
  PacketSums,
} from './history.js';
import type { RelayHandle, RelayOptions, RelayStep } from './relay.js';
import type { SegmentFacts, SegmentFrames, SegmentOptions } from './segments.js';

export * from './capture-end.js';
export type * from './capture.js';
export type * from './history.js';
export type * from './learned-facts.js';
export type * from './relay.js';
export type * from './segments.js';
export type * from './stream.js';

export interface NativeAddon extends MemoryFunctions, HistoryFunctions, SegmentFunctions, RelayFunctions, ProcessFunctions {
  readonly layoutVersion: number;
  /** libav's versions, for example { avcodec: '59.37.100' }. */
  readonly libraries: Readonly<Record<string, string>>;
  /** Blocks the calling thread until the capture ends, so never call it on the main thread. */
  capture(options: CaptureOptions, hooks: CaptureHooks): CaptureResult;
  /** Opens an eventfd that wakes a capture. Close it with closeWake after the capture has ended. Throws an Error. */
  openWake(): number;
  /** Wakes a waiting capture: within 1 ms it checks its stop flag and the demand of callers. */
  wake(fd: number): void;
  closeWake(fd: number): void;
}

interface MemoryFunctions {
  /**
   * Initializes an empty packet ring over `ring`. `entryCount` is a power of two. The ring keeps at least `minPackets` as far as
   * entries and memory allow. The first packet will be `firstSequence`.
   */
  initPacketRing(ring: Uint8Array, entryCount: number, minPackets: number, firstSequence: number): void;
  /**
   * Copies `bytes` bytes from `sourceOffset` of a frame ring into `target`. False: the lock of the slot at `slotOffset` was not
   * `lock` before and after the copy, so the bytes in `target` are invalid.
   */
  copyFromSlot(
    ring: Uint8Array,
    slotOffset: number,
    lock: number,
    sourceOffset: number,
    bytes: number,
    target: Uint8Array,
    targetOffset: number,
  ): boolean;
  /**
   * Frees the memory of `buffer` at once instead of at a garbage collection. The buffer is empty afterwards. False: nothing was
   * done, because the buffer is a view of a part of its memory.
   */
  releaseBuffer(buffer: Uint8Array): boolean;
  /**
   * Does the same as `target.set(source, targetOffset)`, which takes fifteen times as long when one of them is shared memory.
   * `source` must not be written meanwhile.
   */
  copyBytes(source: Uint8Array, target: Uint8Array, targetOffset: number): void;
  /** Totals of a packet ring. 100 000 packets take 1 to 2 ms. */
  packetSums(ring: Uint8Array): PacketSums;
  /** The frame ids of `count` packets from `first` on. 0: the packet is not in the ring, or its frame id is not certain yet. */
  frameIds(ring: Uint8Array, first: number, count: number): Float64Array;
}

interface HistoryFunctions {
  /** Opens a job that decodes frames. It reads the packets that the ring has now, and no later ones. */
  openHistory(options: HistoryOptions): HistoryHandle;
  /** Opens a job that makes one mp4 file of segments and of the newer packets in memory. Its pieces come in order. */
  openClip(options: ClipOptions): HistoryHandle;
  /**
   * Makes the next piece in `target`: a finished VideoFrame, or bytes of the clip. Undefined: the job has ended, or was
   * cancelled. Throws RangeError when the piece exceeds a message, and Error when the job fails.
   */
  nextHistoryPiece(handle: HistoryHandle, target: Uint8Array): HistoryAnswer | undefined;
  /** Adds segments from HistoryAnswer.nextSequence on. `more`: as HistoryOptions.moreSegments. */
  addSegments(handle: HistoryHandle, segments: readonly HistorySegment[], more: boolean): void;
  /** Ends the job and frees its memory. */
  closeHistory(handle: HistoryHandle): void;
}

interface SegmentFunctions {
  /**
   * Writes packets of a ring into an mp4 file, and syncs it to the disk. Undefined: the packets were overwritten, and there is no
   * file. Throws an Error whose `code` is the system's ('ENOSPC', 'EROFS', 'ENOENT', …) when the disk refuses; no file is left.
   * Blocks: recorder worker only.
   */
  writeSegment(options: SegmentOptions): SegmentFacts | undefined;
  /** What a segment file holds. Undefined: not a segment, or damaged. Throws an Error with `code` when it cannot be read. Blocks. */
  readSegment(path: string): SegmentFacts | undefined;
  /**
   * The packets of a segment file. Reads only its last box, on a thread of libuv. Undefined: not a segment, or damaged. Rejects
   * with an Error with `code` when it cannot be read.
   */
  segmentFrames(path: string): Promise<SegmentFrames | undefined>;
}

interface RelayFunctions {
  /**
   * Connects to an RTMP server. Throws an Error whose message may contain credentials, so mask it. Its `code` is ECANCELED when
   * the relay was cancelled. Blocks: relay worker only.
   */
  openRelay(options: RelayOptions): RelayHandle;
  /** Sends up to 100 packets of a connection of the camera. Throws as openRelay does. Blocks: relay worker only. */
  relayPackets(handle: RelayHandle, connection: number): RelayStep;
  /** Ends the stream and frees its memory. Takes up to 300 ms when the server does not answer. */
  closeRelay(handle: RelayHandle): void;
}

interface ProcessFunctions {
  /** The proxy's clock, which also stamps arrivals: microseconds since the epoch. Follows the wall clock, never runs backwards. */
  wallUs(): number;
  /** From now on the clock is later than `us`, unless `us` is 25 h or more ahead: then nothing changes. */
  keepWallAfter(us: number): void;
  /**
   * Collects the garbage of the calling thread and returns its memory to the system, which takes about 30 ms. For threads that
   * then stay in native code, where V8 does not collect.
   */
  compactHeap(): void;
  /** Ends the process at once. process.exit would wait for every thread, even for one that waits for the disk. */
  endProcess(code: number): never;
  /**
   * Limits the unsent bytes that the kernel accepts for a TCP socket to about `bytes`, so that the writer notices a slow reader.
   * False: the descriptor is not a TCP socket.
   */
  limitUnsent(descriptor: number, bytes: number): boolean;
}
