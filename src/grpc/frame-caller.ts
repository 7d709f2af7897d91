import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Camera, Cameras, FrameRef, FrameOptions } from '../cameras/types.js';
import { PICTURE_FORMAT } from '../gen/ring-layout.js';
import type { NativeAddon } from '../native/types.js';
import { FrameMessage, type SerializedMessage } from './frame-serializer.js';
import { skippedBefore, type Position, type Positions } from './positions.js';

export interface FrameContext {
  readonly cameras: Cameras;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly releaseBuffer: NativeAddon['releaseBuffer'];
}

/** A frame on its way to a caller. */
export interface Outgoing {
  readonly message: SerializedMessage;
  /** To be called when it has left for the connection. */
  readonly sent: () => void;
}

/** The camera that a request names. Throws invalid_argument, not_found. */
export function cameraOf(cameras: Cameras, deviceId: string): Camera {
  if (deviceId === '') {
    throw new ChrysError('invalid_argument', 'device_id is missing: name the camera that you want frames of');
  }
  return cameras.get(deviceId);
}

/** Why there is no frame, when that is because the camera is not connected. */
export function notConnected({ definition, state }: Camera): ChrysError | undefined {
  if (state.phase === 'running') return undefined;
  const why = state.message === '' ? '' : `: ${state.message}`;
  return new ChrysError('unavailable', `camera ${definition.name} is not connected (${state.phase})${why}`);
}

/** Which positions of a caller move with each frame. */
export interface CallerPositions {
  /** Where it goes on. */
  readonly own: Position;
  /** Where later calls of the same connection go on. */
  readonly shared?: Position;
}

/** One caller of one camera's live frames, who always wants the same. */
export class FrameCaller {
  constructor(
    private readonly context: FrameContext,
    readonly camera: Camera,
    private readonly terms: FrameOptions,
    private readonly maxAgeMs: number,
    private readonly positions: CallerPositions,
  ) {}

  /** Calls `settle` as FrameSource.request does. */
  next(waitMs: number, settle: (outgoing: Outgoing | undefined) => void): () => void {
    const { terms, maxAgeMs } = this;
    const { own } = this.positions;
    const awayMs = own.atMs > 0 ? this.context.clock.monotonicMs() - own.atMs : Infinity;
    return this.camera.frames.request({ terms, after: own.frameId, awayMs, waitMs, maxAgeMs }, (frame) => {
      settle(frame === undefined ? undefined : this.outgoing(frame));
    });
  }

  /** Why there was no frame for this caller, when waiting longer does not help. */
  refusal(): ChrysError | undefined {
    return notConnected(this.camera) ?? this.tooLarge();
  }

  tooLarge(): ChrysError | undefined {
    return this.camera.frames.refusal(this.terms.outputFormat);
  }

  private outgoing(frame: FrameRef): Outgoing {
    const { own, shared } = this.positions;
    const { positions, releaseBuffer } = this.context;
    const message = new FrameMessage(this.settled(frame), releaseBuffer, {
      skippedBefore: (copied) => skippedBefore(own, copied, this.terms),
      // The positions move when the frame is really copied, and to what was really copied.
      onCopied: (copied) => {
        positions.advance(own, copied);
        if (shared !== undefined) positions.advance(shared, copied);
      },
    });
    return {
      message,
      sent: () => {
        message.sent();
      },
    };
  }

  /** No other JPEG has the same length, so it cannot be replaced while it is copied into a message of a given length. */
  private settled(frame: FrameRef): FrameRef {
    if (this.terms.outputFormat.format !== PICTURE_FORMAT.jpeg) return frame;
    const bytes = Buffer.allocUnsafe(frame.byteLength);
    if (frame.copyTo(bytes, 0) === undefined) return frame;
    return {
      ...frame,
      copyTo: (target, targetOffset) => {
        bytes.copy(target, targetOffset);
        return frame;
      },
    };
  }
}
