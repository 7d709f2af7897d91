import type { Camera } from '../cameras/types.js';
import { VideoFrame, type VideoFrameRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { CallHandler, DirectCall } from './direct-calls.js';
import { cameraOf, FrameCaller, type FrameContext, type Outgoing } from './frame-caller.js';
import type { Position } from './positions.js';
import { checkSize, maxAgeMsOf, frameOptionsOf, waitMsOf } from './frame-options.js';

/** Subtracted from a call's deadline, so that the answer arrives before the client gives up. */
const DEADLINE_MARGIN_MS = 50;

/**
 * VideoLatestImage for both generations of clients: one answer for each request, in order, until the client ends the
 * stream. A unary client ends it after one request. A request waits until the answer to the previous one is sent.
 */
export class LatestImageCall implements CallHandler<VideoFrameRequest> {
  /** The positions of this call. The key is the position of the connection. */
  private readonly ownPositions = new Map<Position, Position>();
  private answering = false;
  private halfClosed = false;
  private ended = false;
  private queued: VideoFrameRequest | undefined;
  private endWait: (() => void) | undefined;

  constructor(
    private readonly context: FrameContext,
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
    const camera = cameraOf(this.context.cameras, request.deviceId);
    const options = frameOptionsOf(request);
    checkSize(options.outputFormat, camera.stream);
    const shared = this.context.positions.of(camera, this.call.peer, options);
    const positions = { own: this.ownPosition(shared), shared };
    const caller = new FrameCaller(this.context, camera, options, maxAgeMsOf(request), positions);
    this.answering = true;
    // A unary client half-closes with its request. Reading that now lets answer and status leave in one write.
    this.call.read();
    this.endWait = caller.next(this.waitMs(request), (outgoing) => {
      this.endWait = undefined;
      this.send(caller, outgoing);
    });
  }

  /** The position of this call. It starts at that of the connection, so that two calls of it do not take frames from each other. */
  private ownPosition(shared: Position): Position {
    const own = this.ownPositions.get(shared) ?? { ...shared };
    this.ownPositions.set(shared, own);
    return own;
  }

  private send(caller: FrameCaller, outgoing: Outgoing | undefined): void {
    if (outgoing === undefined) {
      const refusal = caller.refusal();
      if (refusal !== undefined) {
        this.call.fail(refusal);
        return;
      }
      this.call.send(emptyFrame(caller.camera), this.sent);
    } else {
      this.call.send(outgoing.message, () => {
        outgoing.sent();
        this.sent();
      });
    }
    if (this.halfClosed && this.queued === undefined) this.call.finish();
  }

  /** The connection has taken an answer. Answers the next request. */
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

  private waitMs(request: VideoFrameRequest): number {
    const { deadlineMs } = this.call;
    const waitMs = waitMsOf(request);
    if (!Number.isFinite(deadlineMs)) return waitMs;
    return Math.max(0, Math.min(waitMs, deadlineMs - this.context.clock.nowMs() - DEADLINE_MARGIN_MS));
  }
}

/** A frame without data: by this, clients recognize that there was no new frame. */
function emptyFrame(camera: Camera): Buffer {
  return Buffer.from(VideoFrame.encode(VideoFrame.create({ deviceId: camera.definition.name })).finish());
}
