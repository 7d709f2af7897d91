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

/** A frame that is being sent to a caller. */
export interface Outgoing {
  readonly message: SerializedMessage;
  /** The caller calls this when the connection has taken the message. */
  readonly sent: () => void;
}

/** The camera that a request names. Throws invalid_argument, not_found. */
export function cameraOf(cameras: Cameras, deviceId: string): Camera {
  checkDeviceId(deviceId);
  return cameras.get(deviceId);
}

/** Throws invalid_argument. */
export function checkDeviceId(deviceId: string): void {
  if (deviceId === '') {
    throw new ChrysError('invalid_argument', 'device_id is missing. Set it to the name of a camera.');
  }
}

/** The error of a caller that got no frame because the camera is not connected; undefined: it is connected. */
export function notConnected({ definition, state }: Camera): ChrysError | undefined {
  if (state.phase === 'running') return undefined;
  const why = state.message === '' ? '.' : `: ${state.message}`;
  return new ChrysError('unavailable', `Camera ${definition.name} is not connected (${state.phase})${why}`);
}

/** The positions that advance with each frame of a caller. */
export interface CallerPositions {
  /** Where this caller continues. */
  readonly own: Position;
  /** Where later calls of the same connection continue. */
  readonly shared?: Position;
}

/** One caller of one camera's live frames, with fixed frame options. */
export class FrameCaller {
  constructor(
    private readonly context: FrameContext,
    readonly camera: Camera,
    private readonly options: FrameOptions,
    private readonly maxAgeMs: number,
    private readonly positions: CallerPositions,
  ) {}

  /** Requests the next frame. See FrameSource.request. */
  next(waitMs: number, settle: (outgoing: Outgoing | undefined) => void): () => void {
    const { options, maxAgeMs } = this;
    const { own } = this.positions;
    const sinceLastMs = own.atMs > 0 ? this.context.clock.monotonicMs() - own.atMs : Infinity;
    return this.camera.frames.request({ options, after: own.frameId, sinceLastMs, waitMs, maxAgeMs }, (frame) => {
      settle(frame === undefined ? undefined : this.outgoing(frame));
    });
  }

  /** The error of this caller when it got no frame and waiting longer does not help. */
  refusal(): ChrysError | undefined {
    return notConnected(this.camera) ?? this.tooLarge();
  }

  tooLarge(): ChrysError | undefined {
    return this.camera.frames.refusal(this.options.outputFormat);
  }

  private outgoing(frame: FrameRef): Outgoing {
    const { own, shared } = this.positions;
    const { positions, releaseBuffer } = this.context;
    const message = new FrameMessage(this.stableCopy(frame), releaseBuffer, {
      skippedBefore: (copied) => skippedBefore(own, copied, this.options),
      // The copied frame may be a newer one, so the positions advance only now.
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

  /** Copies a JPEG at once: JPEGs differ in size, so a newer one could not replace an overwritten one in its message. */
  private stableCopy(frame: FrameRef): FrameRef {
    if (this.options.outputFormat.format !== PICTURE_FORMAT.jpeg) return frame;
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
