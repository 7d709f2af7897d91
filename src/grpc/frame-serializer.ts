import type { NativeAddon } from '../native/types.js';
import type { FrameRef } from '../rings/frame-reader.js';

/**
 * Replaces a serialized message. grpc-js uses only `byteLength` and `copy(target, offset)` of a message
 * (server-interceptors.ts, serializeMessage; a test checks this). So a picture is copied once, from the ring slot into
 * grpc-js's output, and nothing is encoded for each caller.
 */
export interface SerializedMessage {
  readonly byteLength: number;
  copy(target: Uint8Array, targetOffset: number): void;
}

/** VideoFrame.skipped (field 103, a varint). It differs for each caller, so it precedes the message of the slot. */
const SKIPPED_TAG = [0xb8, 0x06] as const;
const SKIPPED_VALUE_BYTES = 5;
const MAX_SKIPPED = 2 ** 35 - 1;

export interface FrameMessageHooks {
  /** Number of frames that the caller missed before `frame`. */
  readonly skippedBefore: (frame: FrameRef) => number;
  /** Called with the frame that was copied, which may be a newer one. */
  readonly onCopied: (frame: FrameRef) => void;
}

/**
 * The message of one frame for one caller. Its output, several megabytes, is freed as soon as it is sent. Otherwise a hundred
 * outputs a second would make the garbage collector run ten times a second, which costs more than sending them.
 */
export class FrameMessage implements SerializedMessage {
  readonly byteLength: number;
  private output: Uint8Array | undefined;
  private readonly prefixBytes: number;

  constructor(
    private readonly frame: FrameRef,
    private readonly releaseBuffer: NativeAddon['releaseBuffer'],
    private readonly hooks: FrameMessageHooks,
  ) {
    this.prefixBytes = hooks.skippedBefore(frame) > 0 ? SKIPPED_TAG.length + SKIPPED_VALUE_BYTES : 0;
    this.byteLength = this.prefixBytes + frame.byteLength;
  }

  /** Throws when this frame and the newer ones were overwritten; grpc-js then answers INTERNAL. */
  copy(target: Uint8Array, targetOffset: number): void {
    const copied = this.frame.copyTo(target, targetOffset + this.prefixBytes);
    if (copied === undefined) throw new Error('The frame was overwritten while it was copied');
    if (this.prefixBytes > 0) writeSkipped(target, targetOffset, this.hooks.skippedBefore(copied));
    this.output = target;
    this.hooks.onCopied(copied);
  }

  /** Frees the output. Call it when the connection has taken the message and no longer reads it. */
  sent(): void {
    if (this.output !== undefined) this.releaseBuffer(this.output);
    this.output = undefined;
  }
}

/** Writes a varint of fixed size, so that the count of a newer frame fits into the same place. */
function writeSkipped(target: Uint8Array, offset: number, skipped: number): void {
  let at = offset;
  for (const byte of SKIPPED_TAG) target[at++] = byte;
  let rest = Math.min(skipped, MAX_SKIPPED);
  for (let i = 0; i < SKIPPED_VALUE_BYTES; i++) {
    const isLast = i === SKIPPED_VALUE_BYTES - 1;
    target[at++] = (rest % 128) | (isLast ? 0 : 0x80);
    rest = Math.floor(rest / 128);
  }
}
