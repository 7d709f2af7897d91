import { ChrysError } from '../base/errors.js';
import type { VideoFrameRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { CallHandler, DirectCall } from './direct-calls.js';
import { cameraOf, FrameCaller, type FrameContext } from './frame-caller.js';
import { newPosition } from './positions.js';
import { checkSize, maxAgeMsOf, frameOptionsOf, waitMsOf } from './frame-options.js';

/** A stream looks so often at most whether its camera is still there. */
const MIN_WAIT_MS = 100;

/**
 * VideoStream: one frame after the other, each only when the last one has left. What a slow reader did not take is left
 * out and counted in `skipped`, so there is never a backlog. Goes on when the camera was away; ends when it is removed.
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
    // Each stream is a caller of its own, also of several on one connection.
    const positions = { own: newPosition() };
    const terms = frameOptionsOf(request);
    checkSize(terms.outputFormat, camera.stream);
    const caller = new FrameCaller(this.context, camera, terms, maxAgeMsOf(request), positions);
    this.next(caller, Math.max(MIN_WAIT_MS, waitMsOf(request)));
  }

  onHalfClose(): void {
    // A client of a server stream always does that.
  }

  onEnd(): void {
    this.ended = true;
    this.endWait?.();
  }

  private next(caller: FrameCaller, waitMs: number): void {
    this.endWait = caller.next(waitMs, (outgoing) => {
      this.endWait = undefined;
      if (outgoing === undefined) {
        this.nothingCame(caller, waitMs);
        return;
      }
      this.hadFrame = true;
      this.call.send(outgoing.message, () => {
        outgoing.sent();
        this.goOn(caller, waitMs);
      });
    });
  }

  private nothingCame(caller: FrameCaller, waitMs: number): void {
    const { definition, state } = caller.camera;
    if (state.phase === 'stopped') {
      this.call.fail(new ChrysError('not_found', `camera ${definition.name} was removed`));
      return;
    }
    // A caller that had frames before waits for a camera that is away.
    const refusal = this.hadFrame ? caller.tooLarge() : caller.refusal();
    if (refusal === undefined) this.goOn(caller, waitMs);
    else this.call.fail(refusal);
  }

  private goOn(caller: FrameCaller, waitMs: number): void {
    if (this.ended) return;
    try {
      this.next(caller, waitMs);
    } catch (error) {
      this.call.fail(error);
    }
  }
}
