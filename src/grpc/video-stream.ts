import { ChrysError } from '../base/errors.js';
import type { VideoFrameRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { CallHandler, DirectCall } from './direct-calls.js';
import { cameraOf, FrameCaller, type FrameContext } from './frame-caller.js';
import { newPosition } from './positions.js';
import { checkSize, maxAgeMsOf, frameOptionsOf, waitMsOf } from './frame-options.js';

/** Minimum wait for a frame. It also limits how often the stream checks whether its camera still exists. */
const MIN_WAIT_MS = 100;

/**
 * VideoStream: sends a frame when the connection has taken the previous one. A slow reader misses frames, which `skipped` counts,
 * and there is never a backlog. The stream continues when the camera comes back, and ends when the
 * camera is removed.
 */
export class VideoStreamCall implements CallHandler<VideoFrameRequest> {
  private ended = false;
  private hadFrame = false;
  private endWait: (() => void) | undefined;

  constructor(
    private readonly context: FrameContext,
    private readonly call: DirectCall,
  ) {}

  onRequest(request: VideoFrameRequest): void {
    const camera = cameraOf(this.context.cameras, request.deviceId);
    // Each stream has a position of its own, even when several share one connection.
    const positions = { own: newPosition() };
    const options = frameOptionsOf(request);
    checkSize(options.outputFormat, camera.stream);
    const caller = new FrameCaller(this.context, camera, options, maxAgeMsOf(request), positions);
    this.next(caller, Math.max(MIN_WAIT_MS, waitMsOf(request)));
  }

  onHalfClose(): void {
    // The client of a server stream always half-closes.
  }

  onEnd(): void {
    this.ended = true;
    this.endWait?.();
  }

  private next(caller: FrameCaller, waitMs: number): void {
    this.endWait = caller.next(waitMs, (outgoing) => {
      this.endWait = undefined;
      if (outgoing === undefined) {
        this.noFrame(caller, waitMs);
        return;
      }
      this.hadFrame = true;
      this.call.send(outgoing.message, () => {
        outgoing.sent();
        this.sendNext(caller, waitMs);
      });
    });
  }

  private noFrame(caller: FrameCaller, waitMs: number): void {
    const { definition, state } = caller.camera;
    if (state.phase === 'stopped') {
      this.call.fail(new ChrysError('not_found', `Camera ${definition.name} was removed.`));
      return;
    }
    // A caller that has had a frame waits until the camera comes back.
    const refusal = this.hadFrame ? caller.tooLarge() : caller.refusal();
    if (refusal === undefined) this.sendNext(caller, waitMs);
    else this.call.fail(refusal);
  }

  private sendNext(caller: FrameCaller, waitMs: number): void {
    if (this.ended) return;
    try {
      this.next(caller, waitMs);
    } catch (error) {
      this.call.fail(error);
    }
  }
}
