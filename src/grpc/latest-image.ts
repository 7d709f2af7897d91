import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Camera, Cameras, FrameRef } from '../cameras/types.js';
import { VideoFrame, type VideoFrameRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { NativeAddon } from '../native/types.js';
import type { CallHandler, DirectCall } from './direct-calls.js';
import { FrameMessage } from './frame-serializer.js';
import type { Position, Positions } from './positions.js';

/** How long a call waits for a new frame before it answers without one. */
const WAIT_MS = 1000;
/** Kept back of a call's deadline, so that the answer is there before the client gives up. */
const DEADLINE_MARGIN_MS = 50;

export interface LatestImageContext {
  readonly cameras: Cameras;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly releaseBuffer: NativeAddon['releaseBuffer'];
}

/**
 * VideoLatestImage for both generations of clients: one answer for each request, in order, until the client ends the
 * stream; a unary client ends it after its one request. A request that comes before the last one's answer waits for it.
 */
export class LatestImageCall implements CallHandler<VideoFrameRequest> {
  /** Of this stream, for each camera: two streams of one connection do not take frames from each other. */
  private readonly own = new Map<Camera, Position>();
  private answering = false;
  private halfClosed = false;
  private ended = false;
  private queued: VideoFrameRequest | undefined;
  private endWait: (() => void) | undefined;

  constructor(
    private readonly context: LatestImageContext,
    private readonly call: DirectCall,
  ) {}

  onRequest(request: VideoFrameRequest): void {
    if (this.answering) {
      this.queued = request;
      return;
    }
    this.answer(request);
  }

  onHalfClose(): void {
    this.halfClosed = true;
    if (!this.answering) this.call.finish();
  }

  onEnd(): void {
    this.ended = true;
    this.queued = undefined;
    this.endWait?.();
  }

  private answer(request: VideoFrameRequest): void {
    if (request.deviceId === '') {
      throw new ChrysError('invalid_argument', 'device_id is missing: name the camera that you want frames of');
    }
    const { cameras, positions, clock } = this.context;
    const camera = cameras.get(request.deviceId);
    const shared = positions.of(camera, this.call.peer);
    let position = this.own.get(camera);
    if (position === undefined) {
      position = { ...shared };
      this.own.set(camera, position);
    }
    const own = position;
    this.answering = true;
    // A unary client's end comes with its request; knowing of it in time makes its answer and status leave as one.
    this.call.read();
    this.endWait = camera.frames.request(
      {
        after: own.sequence,
        keyframesOnly: request.keyFrameOnly,
        awayMs: own.atMs > 0 ? clock.monotonicMs() - own.atMs : Infinity,
        waitMs: this.waitMs(),
      },
      (frame) => {
        this.endWait = undefined;
        this.send(camera, frame, own, shared);
      },
    );
  }

  private send(camera: Camera, frame: FrameRef | undefined, own: Position, shared: Position): void {
    if (frame === undefined) {
      const refusal = notConnected(camera);
      if (refusal !== undefined) {
        this.call.fail(refusal);
        return;
      }
      this.call.send(emptyFrame(camera), this.sent);
    } else {
      const { positions, releaseBuffer } = this.context;
      // Both positions move when the frame is really copied, and to what was really copied.
      const message = new FrameMessage(frame, releaseBuffer, (sequence) => {
        positions.advance(own, sequence);
        positions.advance(shared, sequence);
      });
      this.call.send(message, () => {
        message.sent();
        this.sent();
      });
    }
    if (this.halfClosed && this.queued === undefined) this.call.finish();
  }

  /** The next answer is not made before the last one has left, whatever the client asks. */
  private readonly sent = (): void => {
    this.answering = false;
    if (this.ended) return;
    const { queued } = this;
    this.queued = undefined;
    if (queued !== undefined) {
      try {
        this.answer(queued);
      } catch (error) {
        this.call.fail(error);
      }
    } else if (this.halfClosed) {
      this.call.finish();
    }
  };

  private waitMs(): number {
    const { deadlineMs } = this.call;
    if (!Number.isFinite(deadlineMs)) return WAIT_MS;
    return Math.max(0, Math.min(WAIT_MS, deadlineMs - this.context.clock.nowMs() - DEADLINE_MARGIN_MS));
  }
}

function notConnected(camera: Camera): ChrysError | undefined {
  const { name } = camera.definition;
  const { phase, message } = camera.state;
  if (phase === 'running') return undefined;
  return new ChrysError(
    'unavailable',
    `camera ${name} is not connected (${phase})${message === '' ? '' : `: ${message}`}`,
  );
}

/** What clients test for: a frame without data. */
function emptyFrame(camera: Camera): Buffer {
  return Buffer.from(VideoFrame.encode(VideoFrame.create({ deviceId: camera.definition.name })).finish());
}
