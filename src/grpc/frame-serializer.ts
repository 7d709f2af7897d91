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
 * The message of `frame`. `onCopied` hears the sequence that was really copied: a newer one when the slot was overwritten
 * meanwhile. Throws when neither could be had; grpc-js answers INTERNAL then.
 */
export function frameMessage(frame: FrameRef, onCopied: (sequence: number) => void): SerializedMessage {
  return {
    byteLength: frame.byteLength,
    copy(target, targetOffset) {
      const sequence = frame.copyTo(target, targetOffset);
      if (sequence === 0) throw new Error('the frame was overwritten while it was copied');
      onCopied(sequence);
    },
  };
}
