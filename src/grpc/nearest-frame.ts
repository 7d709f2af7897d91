import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Camera, FrameRef, FrameOptions } from '../cameras/types.js';
import type { History } from '../history/history.js';
import type { HistoryFrame, HistoryFrames } from '../history/history-frames.js';
import { notConnected } from './frame-caller.js';

/** A finished VideoFrame message, copied out of shared memory. */
export interface OwnFrame {
  readonly message: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
}

export interface NearestQuery {
  readonly camera: Camera;
  /** Milliseconds since the epoch. */
  readonly momentMs: number;
  /** Whether the moment is the present. */
  readonly now: boolean;
  readonly options: FrameOptions;
}

/** A query for the present raises the camera's demand when it follows another within this time: more are then likely. */
const AGAIN_MS = 2000;

/** Finds the frame of a camera that is nearest to a moment. */
export class NearestFrames {
  private readonly queriedAtMs = new WeakMap<Camera, number>();

  constructor(
    private readonly history: Pick<History, 'open'>,
    private readonly clock: Clock,
  ) {}

  /** Calls `settle` once, unless the returned function is called before. */
  find(query: NearestQuery, settle: (error: Error | undefined, frame: OwnFrame | undefined) => void): () => void {
    const live = query.now ? this.live(query) : undefined;
    if (live !== undefined) {
      settle(undefined, live);
      return () => undefined;
    }
    const frames = this.openHistory(query);
    frames.next((error, frame) => {
      const own = frame === undefined ? undefined : copyOfHistory(frame);
      frames.close();
      if (own !== undefined || error !== undefined) settle(error, own);
      else settle(noFrame(query.camera), undefined);
    });
    return () => {
      frames.close();
    };
  }

  private openHistory({ camera, momentMs, options }: NearestQuery): HistoryFrames {
    return this.history.open({
      camera,
      fromUs: 0,
      toUs: 0,
      nearestUs: momentMs * 1000,
      formatOf: () => options.outputFormat,
      keyframesOnly: options.keyframesOnly,
      intervalMs: 0,
      withholdCorrupt: options.withholdCorrupt,
    });
  }

  /** A live frame, if the camera decodes all frames anyway or is queried often. Otherwise undefined, and no demand is raised. */
  private live({ camera, options }: NearestQuery): OwnFrame | undefined {
    const nowMs = this.clock.monotonicMs();
    const again = nowMs - (this.queriedAtMs.get(camera) ?? -Infinity) < AGAIN_MS;
    this.queriedAtMs.set(camera, nowMs);
    if (!again && camera.stats.decoding !== 'all') return undefined;
    let found: FrameRef | undefined;
    try {
      camera.frames.request({ options, after: 0, sinceLastMs: Infinity, waitMs: 0, maxAgeMs: 0 }, (frame) => {
        found = frame;
      });
    } catch (error) {
      // Too many output formats are in use. The history then decodes a frame for this call.
      if (error instanceof ChrysError && error.kind === 'resource_exhausted') return undefined;
      throw error;
    }
    return found === undefined ? undefined : copyOfLive(found);
  }
}

function copyOfLive(frame: FrameRef): OwnFrame | undefined {
  const message = Buffer.allocUnsafeSlow(frame.byteLength);
  const copied = frame.copyTo(message, 0);
  return copied === undefined ? undefined : { message, arrivalMs: copied.arrivalMs };
}

function copyOfHistory(frame: HistoryFrame): OwnFrame {
  const message = Buffer.allocUnsafeSlow(frame.byteLength);
  frame.copyTo(message, 0);
  return { message, arrivalMs: Math.floor(frame.arrivalUs / 1000) };
}

function noFrame(camera: Camera): ChrysError {
  const { name } = camera.definition;
  return (
    notConnected(camera) ??
    new ChrysError('not_found', `Camera ${name} has no such frame in memory yet. Try again, or raise buffer.in_memory.`)
  );
}
