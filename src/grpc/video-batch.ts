import { ChrysError } from '../base/errors.js';
import { MAX_FRAME_MESSAGE_BYTES } from '../cameras/capture/rings.js';
import type { FrameOptions } from '../cameras/types.js';
import {
  VideoFrameRequest,
  type VideoBatchRequest,
} from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { batchMessageOf, type BatchItem } from './batch-message.js';
import type { HistoryContext } from './buffered-image.js';
import type { CallHandler, DirectCall } from './direct-calls.js';
import { cameraOf } from './frame-caller.js';
import type { NearestFrames, OwnFrame } from './nearest-frame.js';
import { statusOf } from './status.js';
import { outputFormatOf } from './frame-options.js';

const MAX_CAMERAS = 64;
/** Number of cameras of one call that are decoded at the same time. */
const AT_ONCE = 4;
/** Subtracted from a call's deadline, so that the answer arrives before the client gives up. */
const DEADLINE_MARGIN_MS = 50;
/** Time limit of a call. */
const MAX_MS = 20_000;

export interface BatchContext extends Pick<HistoryContext, 'cameras' | 'clock' | 'releaseBuffer'> {
  readonly nearest: NearestFrames;
}

interface Batch {
  readonly names: readonly string[];
  readonly momentMs: number;
  readonly now: boolean;
  readonly maxSkewMs: number;
  readonly options: FrameOptions;
}

/** VideoBatch: answers when all frames are found, or at the deadline. A camera without a frame has an error in its item. */
export class VideoBatchCall implements CallHandler<VideoBatchRequest> {
  private readonly items: BatchItem[] = [];
  private readonly stops = new Set<() => void>();
  private left = 0;
  private started = 0;
  private bytes = 0;
  private over = false;
  private cancelTimer: (() => void) | undefined;

  constructor(
    private readonly context: BatchContext,
    private readonly call: DirectCall,
  ) {}

  onRequest(request: VideoBatchRequest): void {
    const batch = batchOf(request, this.context.clock.nowMs());
    this.left = batch.names.length;
    const { deadlineMs } = this.call;
    const { clock } = this.context;
    const boundMs = Math.min(MAX_MS, deadlineMs - clock.nowMs() - DEADLINE_MARGIN_MS);
    this.cancelTimer = clock.after(Math.max(0, boundMs), () => {
      this.answer(batch);
    });
    for (let i = 0; i < AT_ONCE; i += 1) this.startNext(batch);
  }

  onHalfClose(): void {
    // A unary client always half-closes.
  }

  onEnd(): void {
    this.stop();
  }

  private startNext(batch: Batch): void {
    const index = this.started;
    const deviceId = batch.names[index];
    if (this.over || deviceId === undefined) return;
    this.started += 1;
    let settled = false;
    let stop: (() => void) | undefined;
    const settle = (error: unknown, frame: OwnFrame | undefined): void => {
      settled = true;
      if (stop !== undefined) this.stops.delete(stop);
      this.items[index] = itemOf(deviceId, batch, error, frame);
      this.onItem(batch, frame);
    };
    try {
      const camera = cameraOf(this.context.cameras, deviceId);
      stop = this.context.nearest.find({ camera, ...batch }, settle);
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- `settle` may have run already
      if (!settled) this.stops.add(stop);
    } catch (error) {
      settle(error, undefined);
    }
  }

  private onItem(batch: Batch, frame: OwnFrame | undefined): void {
    if (this.over) return;
    this.left -= 1;
    this.bytes += frame?.message.length ?? 0;
    if (this.bytes > MAX_FRAME_MESSAGE_BYTES) {
      this.stop();
      this.call.fail(
        new ChrysError(
          'resource_exhausted',
          `The frames of these ${batch.names.length} cameras exceed the ${MAX_FRAME_MESSAGE_BYTES} bytes that a message may have. Request smaller frames (width, height, or JPEG) or fewer cameras.`,
        ),
      );
    } else if (this.left === 0) {
      this.answer(batch);
    } else {
      this.startNext(batch);
    }
  }

  private answer({ names, momentMs }: Batch): void {
    if (this.over) return;
    this.stop();
    const late = new ChrysError(
      'deadline_exceeded',
      'There was no frame in time. Allow more time, or request fewer cameras.',
    );
    const items = names.map((deviceId, index) => this.items[index] ?? { deviceId, failure: statusOf(late) });
    const message = batchMessageOf(items, momentMs);
    const { releaseBuffer } = this.context;
    let output: Uint8Array | undefined;
    const releasing = {
      byteLength: message.byteLength,
      copy: (target: Uint8Array, targetOffset: number) => {
        message.copy(target, targetOffset);
        output = target;
        for (const item of items) if ('frame' in item) releaseBuffer(item.frame.message);
      },
    };
    this.call.send(releasing, () => {
      if (output !== undefined) releaseBuffer(output);
    });
    this.call.finish();
  }

  private stop(): void {
    this.over = true;
    this.cancelTimer?.();
    for (const stop of this.stops) stop();
    this.stops.clear();
  }
}

/** Throws invalid_argument. */
function batchOf({ deviceIds, timestamp, maxSkewMs, terms }: VideoBatchRequest, nowMs: number): Batch {
  const request = terms ?? VideoFrameRequest.create();
  if (deviceIds.length === 0 || deviceIds.length > MAX_CAMERAS) {
    throw new ChrysError(
      'invalid_argument',
      `device_ids has ${deviceIds.length} names; allowed are 1 to ${MAX_CAMERAS}.`,
    );
  }
  if (timestamp < 0 || maxSkewMs < 0) {
    throw new ChrysError(
      'invalid_argument',
      'timestamp and max_skew_ms cannot be negative; 0 means now and any distance.',
    );
  }
  return {
    names: deviceIds,
    momentMs: timestamp === 0 ? nowMs : timestamp,
    now: timestamp === 0,
    maxSkewMs,
    options: {
      outputFormat: outputFormatOf(request),
      keyframesOnly: request.keyFrameOnly,
      intervalMs: 0,
      withholdCorrupt: request.withholdCorrupt,
    },
  };
}

function itemOf(deviceId: string, batch: Batch, error: unknown, frame: OwnFrame | undefined): BatchItem {
  if (frame === undefined) return { deviceId, failure: statusOf(error) };
  const skewMs = frame.arrivalMs - batch.momentMs;
  if (batch.maxSkewMs === 0 || Math.abs(skewMs) <= batch.maxSkewMs) return { deviceId, frame };
  return {
    deviceId,
    failure: statusOf(
      new ChrysError(
        'not_found',
        `Camera ${deviceId} has no frame within ${batch.maxSkewMs} ms of that moment; the nearest is ${skewMs} ms away.`,
      ),
    ),
  };
}
