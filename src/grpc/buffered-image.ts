import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import { lastUsOfMs } from '../base/microseconds.js';
import type { Cameras, OutputFormat } from '../cameras/types.js';
import type { VideoFrameBufferedRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { History } from '../history/history.js';
import type { HistoryQuery } from '../history/queries.js';
import type { HistoryFrame, HistoryFrames } from '../history/history-frames.js';
import type { NativeAddon } from '../native/types.js';
import type { CallHandler, DirectCall } from './direct-calls.js';
import { cameraOf } from './frame-caller.js';
import type { SerializedMessage } from './frame-serializer.js';
import { checkInterval, outputFormatOf } from './frame-options.js';

export interface HistoryContext {
  readonly cameras: Cameras;
  readonly history: Pick<History, 'open'>;
  /** The size of frames when the request has none; from buffer.in_memory_scale. */
  readonly defaultSizeOf: (frame: {
    width: number;
    height: number;
  }) => Pick<OutputFormat, 'width' | 'height' | 'enlarge'>;
  readonly clock: Clock;
  readonly releaseBuffer: NativeAddon['releaseBuffer'];
}

/** VideoBufferedImage: requests the next frame from the history worker when the connection has taken the previous one. */
export class BufferedImageCall implements CallHandler<VideoFrameBufferedRequest> {
  private frames: HistoryFrames | undefined;

  constructor(
    private readonly context: HistoryContext,
    private readonly call: DirectCall,
  ) {}

  onRequest(request: VideoFrameBufferedRequest): void {
    this.frames = this.context.history.open(queryOf(request, this.context));
    this.next(this.frames);
  }

  onHalfClose(): void {
    // The client of a server stream always half-closes.
  }

  onEnd(): void {
    this.frames?.close();
  }

  private next(frames: HistoryFrames): void {
    frames.next((error, frame) => {
      if (error !== undefined) {
        this.call.fail(error);
      } else if (frame === undefined) {
        this.call.finish();
      } else {
        const message = new HistoryFrameMessage(frame, this.context.releaseBuffer);
        this.call.send(message, () => {
          message.sent();
          this.next(frames);
        });
      }
    });
  }
}

/** Throws invalid_argument, not_found. */
function queryOf(request: VideoFrameBufferedRequest, { cameras, defaultSizeOf }: HistoryContext): HistoryQuery {
  const { timestampFrom, timestampTo, width, height, intervalMs, keyFrameOnly, withholdCorrupt } = request;
  const camera = cameraOf(cameras, request.deviceId);
  if (timestampFrom < 0 || timestampTo < 0) {
    throw new ChrysError(
      'invalid_argument',
      'timestamp_from and timestamp_to are milliseconds since the epoch and cannot be negative; 0 means the oldest frame and now.',
    );
  }
  if (timestampTo > 0 && timestampFrom > timestampTo) {
    throw new ChrysError(
      'invalid_argument',
      `timestamp_from (${timestampFrom}) is later than timestamp_to (${timestampTo}). Exchange them.`,
    );
  }
  checkInterval(intervalMs, keyFrameOnly);
  const format = outputFormatOf(request);
  const hasSize = width > 0 || height > 0;
  return {
    camera,
    fromUs: timestampFrom * 1000,
    // "Now" has no upper limit: a frame that arrives a moment later may be shown before frames that are in the range.
    toUs: timestampTo === 0 ? Number.MAX_SAFE_INTEGER : lastUsOfMs(timestampTo),
    formatOf: (stream) => (hasSize ? format : { ...format, ...defaultSizeOf(stream) }),
    keyframesOnly: keyFrameOnly,
    intervalMs,
    withholdCorrupt,
  };
}

/** Copies a frame from the worker's slot into grpc-js's output, and frees the output when it is sent, like FrameMessage. */
class HistoryFrameMessage implements SerializedMessage {
  readonly byteLength: number;
  private output: Uint8Array | undefined;

  constructor(
    private readonly frame: HistoryFrame,
    private readonly releaseBuffer: NativeAddon['releaseBuffer'],
  ) {
    this.byteLength = frame.byteLength;
  }

  copy(target: Uint8Array, targetOffset: number): void {
    this.frame.copyTo(target, targetOffset);
    this.output = target;
  }

  sent(): void {
    if (this.output !== undefined) this.releaseBuffer(this.output);
    this.output = undefined;
  }
}
