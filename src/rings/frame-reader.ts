import { FLAG, FRAME_RING, FRAME_SLOT } from '../gen/ring-layout.js';
import type { NativeAddon } from '../native/types.js';

/** A finished VideoFrame message in a ring slot. The writer may overwrite it at any moment. */
export interface FrameRef {
  /** Frame id: grows with each frame of the camera in display order. */
  readonly frameId: number;
  readonly keyframe: boolean;
  readonly corrupt: boolean;
  readonly width: number;
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
  /** Number of keyframes of the camera up to this frame. */
  readonly keyframeCount: number;
  /** Size of the whole message. */
  readonly byteLength: number;
  /** Offset of the picture in the message, in bytes. */
  readonly dataOffset: number;
  /** Size of the picture. */
  readonly dataBytes: number;
  /**
   * Copies the message into `target`. When it was overwritten, copies a newer one of the same size. Returns the frame that was
   * copied. Undefined: there is none, and `target` may contain parts of frames.
   */
  copyTo(target: Uint8Array, targetOffset: number): FrameRef | undefined;
}

export interface FrameSearch {
  /** Only frames with a greater id. */
  readonly after: number;
  /** A bit of FRAME_FILTER that the frame must have; 0 = any frame. */
  readonly filter: number;
  /** OUTPUT.serial that the frame must have, and with it the output format; 0 = any. */
  readonly serial: number;
  readonly withholdCorrupt: boolean;
  /** Only frames that arrived at or after this time, milliseconds since the epoch. */
  readonly notBeforeMs: number;
  /** When exactly two frames match and one follows the other, returns the older one; otherwise the newest. */
  readonly inOrder: boolean;
}

const FRAME_ID_I32 = FRAME_SLOT.frameIdI64 * 2;
const ARRIVAL_I32 = FRAME_SLOT.arrivalUsI64 * 2;
const KEYFRAME_COUNT_I32 = FRAME_SLOT.keyframeCountI64 * 2;
const TWO_POW_32 = 2 ** 32;
/** A reader gives up after this number of overruns in a row. */
const MAX_ATTEMPTS = 4;

/** Reads one frame ring, on one thread. Reader and writer never block each other. */
export class FrameReader {
  private bytes: Uint8Array<SharedArrayBuffer> | undefined;
  private i32: Int32Array<SharedArrayBuffer> | undefined;
  private slotCount = 0;
  private slotStride = 0;

  constructor(private readonly copyFromSlot: NativeAddon['copyFromSlot']) {}

  /** Reads from `ring` from now on. Its header may not be written yet. */
  setRing(ring: SharedArrayBuffer): void {
    this.bytes = new Uint8Array(ring);
    this.i32 = new Int32Array(ring);
    this.slotCount = 0;
  }

  /** The frame that matches `query`; undefined: there is none, or it was overwritten MAX_ATTEMPTS times. */
  find(query: FrameSearch): FrameRef | undefined {
    if (!this.ready()) return undefined;
    let newest = -1;
    let newestId = query.after;
    let oldest = -1;
    let oldestId = Infinity;
    let matches = 0;
    for (let slot = 0; slot < this.slotCount; slot++) {
      const at = this.slotIndex(slot);
      const lock = this.load(at + FRAME_SLOT.lockI32);
      if ((lock & 1) !== 0) continue;
      const frameId = this.loadI64(at + FRAME_ID_I32);
      if (frameId <= query.after || frameId === 0) continue;
      const flags = this.load(at + FRAME_SLOT.flagsI32);
      if (query.filter !== 0 && ((flags >> FLAG.filterShift) & query.filter) === 0) continue;
      if (query.serial !== 0 && this.load(at + FRAME_SLOT.serialI32) !== query.serial) continue;
      if (query.withholdCorrupt && (flags & FLAG.corrupt) !== 0) continue;
      if (this.loadI64(at + ARRIVAL_I32) < query.notBeforeMs * 1000) continue;
      matches++;
      if (frameId > newestId) [newest, newestId] = [slot, frameId];
      if (frameId < oldestId) [oldest, oldestId] = [slot, frameId];
    }
    if (newest < 0) return undefined;
    const takeOlder = query.inOrder && matches === 2 && oldestId === newestId - 1;
    return this.refTo(takeOlder ? oldest : newest, query);
  }

  latest(): FrameRef | undefined {
    return this.find({ after: 0, filter: 0, serial: 0, withholdCorrupt: false, notBeforeMs: 0, inOrder: false });
  }

  private ready(): boolean {
    if (this.i32 === undefined) return false;
    if (this.slotCount === 0) {
      if (this.load(FRAME_RING.layoutVersionI32) === 0) return false;
      this.slotCount = this.load(FRAME_RING.slotCountI32);
      this.slotStride = this.load(FRAME_RING.slotStrideI32);
    }
    return true;
  }

  private refTo(slot: number, query: FrameSearch): FrameRef | undefined {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const read = this.readSlot(slot, query);
      if (read !== undefined) return read;
    }
    return undefined;
  }

  private readSlot(slot: number, query: FrameSearch): FrameRef | undefined {
    const at = this.slotIndex(slot);
    const lock = this.load(at + FRAME_SLOT.lockI32);
    const flags = this.load(at + FRAME_SLOT.flagsI32);
    const messageOffset = this.load(at + FRAME_SLOT.messageOffsetI32);
    const byteLength = this.load(at + FRAME_SLOT.messageBytesI32);
    const dataOffset = this.load(at + FRAME_SLOT.dataOffsetI32) - messageOffset;
    const dataBytes = this.load(at + FRAME_SLOT.dataBytesI32);
    const width = this.load(at + FRAME_SLOT.widthI32);
    const height = this.load(at + FRAME_SLOT.heightI32);
    const frameId = this.loadI64(at + FRAME_ID_I32);
    const keyframeCount = this.loadI64(at + KEYFRAME_COUNT_I32);
    const arrivalMs = Math.floor(this.loadI64(at + ARRIVAL_I32) / 1000);
    if ((lock & 1) !== 0 || this.load(at + FRAME_SLOT.lockI32) !== lock) return undefined;
    const ring = this.bytes;
    if (ring === undefined) return undefined;
    const slotOffset = at * 4;
    const copyFromSlot = this.copyFromSlot;
    const ref: FrameRef = {
      frameId,
      keyframe: (flags & FLAG.keyframe) !== 0,
      corrupt: (flags & FLAG.corrupt) !== 0,
      width,
      height,
      arrivalMs,
      keyframeCount,
      byteLength,
      dataOffset,
      dataBytes,
      copyTo: (target, targetOffset) => {
        if (copyFromSlot(ring, slotOffset, lock, slotOffset + messageOffset, byteLength, target, targetOffset)) {
          return ref;
        }
        for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
          const newer = this.find({ ...query, after: frameId, inOrder: false });
          if (newer?.byteLength !== byteLength) return undefined;
          const copied = newer.copyTo(target, targetOffset);
          if (copied !== undefined) return copied;
        }
        return undefined;
      },
    };
    return ref;
  }

  private slotIndex(slot: number): number {
    return (FRAME_RING.bytes + slot * this.slotStride) / 4;
  }

  private load(index: number): number {
    return Atomics.load(this.i32 as Int32Array, index);
  }

  /** The two halves may come from different writes. The caller checks this with the slot's lock. */
  private loadI64(index: number): number {
    return this.load(index + 1) * TWO_POW_32 + (this.load(index) >>> 0);
  }
}
