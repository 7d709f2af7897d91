import type { NativeAddon } from '../native/types.js';
import type { FrameRef } from '../rings/frame-reader.js';

/**
 * What is given to grpc-js in place of a serialized message: of one, it calls nothing but `byteLength` and
 * `copy(target, offset)` (server-interceptors.ts, serializeMessage; a test holds us to it). The pixels so go from the
 * ring slot into grpc-js's output in one copy, and nothing is encoded for a caller.
 */
export interface SerializedMessage {
  readonly byteLength: number;
  copy(target: Uint8Array, targetOffset: number): void;
}

/**
 * The message of a frame, once. Outputs are megabytes long: left to the garbage collector, a hundred of them a second make
 * it run ten times a second, which costs more than sending them. So an output is freed as soon as it was sent.
 */
export class FrameMessage implements SerializedMessage {
  private output: Uint8Array | undefined;

  /**
   * `onCopied` hears the sequence that was really copied: a newer one when the slot was overwritten meanwhile.
   */
  constructor(
    private readonly frame: FrameRef,
    private readonly releaseBuffer: NativeAddon['releaseBuffer'],
    private readonly onCopied: (sequence: number) => void,
  ) {}

  get byteLength(): number {
    return this.frame.byteLength;
  }

  /** Throws when neither this frame nor a newer one could be had; grpc-js answers INTERNAL then. */
  copy(target: Uint8Array, targetOffset: number): void {
    const sequence = this.frame.copyTo(target, targetOffset);
    if (sequence === 0) throw new Error('the frame was overwritten while it was copied');
    this.output = target;
    this.onCopied(sequence);
  }

  /** Only after the output has left for the connection: nobody reads it any more. */
  sent(): void {
    if (this.output !== undefined) this.releaseBuffer(this.output);
    this.output = undefined;
  }
}
