import type { NativeAddon } from '../native/types.js';
import type { FrameRef } from '../rings/frame-reader.js';

/**
 * What is given to grpc-js in place of a serialized message: of one, it calls nothing but `byteLength` and
 * `copy(target, offset)` (server-interceptors.ts, serializeMessage; a test holds us to it). The picture so goes from the
 * ring slot into grpc-js's output in one copy, and nothing is encoded for a caller.
 */
export interface SerializedMessage {
  readonly byteLength: number;
  copy(target: Uint8Array, targetOffset: number): void;
}

/** VideoFrame.skipped (103, a varint), which differs per caller and so stands in front of the slot's message. */
const SKIPPED_TAG = [0xb8, 0x06] as const;
const SKIPPED_VALUE_BYTES = 5;
const MAX_SKIPPED = 2 ** 35 - 1;

export interface FrameMessageHooks {
  /** Frames that the caller missed before that one, which is the one that is really sent. */
  readonly skippedBefore: (frame: FrameRef) => number;
  /** That one was copied. */
  readonly onCopied: (frame: FrameRef) => void;
}

/**
 * The message of a frame, once. Outputs are megabytes long: left to the garbage collector, a hundred of them a second make
 * it run ten times a second, which costs more than sending them. So an output is freed as soon as it was sent.
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

  /** Throws when neither this frame nor a newer one could be had; grpc-js answers INTERNAL then. */
  copy(target: Uint8Array, targetOffset: number): void {
    const copied = this.frame.copyTo(target, targetOffset + this.prefixBytes);
    if (copied === undefined) throw new Error('the frame was overwritten while it was copied');
    if (this.prefixBytes > 0) writeSkipped(target, targetOffset, this.hooks.skippedBefore(copied));
    this.output = target;
    this.hooks.onCopied(copied);
  }

  /** Only after the output has left for the connection: nobody reads it any more. */
  sent(): void {
    if (this.output !== undefined) this.releaseBuffer(this.output);
    this.output = undefined;
  }
}

/** As a varint of a fixed width, so that a newer frame with another count fits into the same place. */
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
