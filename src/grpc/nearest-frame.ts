import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Camera, FrameRef, FrameOptions } from '../cameras/types.js';
import type { History } from '../history/history.js';
import type { PastFrame, HistoryFrames } from '../history/history-frames.js';
import { notConnected } from './frame-caller.js';

/** A finished VideoFrame message in memory of its own. */
export interface OwnFrame {
  readonly message: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
}

export interface NearestQuery {
  readonly camera: Camera;
  /** Milliseconds since the epoch. */
  readonly momentMs: number;
  /** The moment is the present. */
  readonly now: boolean;
  readonly terms: FrameOptions;
}

/** Who asks for the present again within this time will do so again: then its camera decodes for it. */
const AGAIN_MS = 2000;

/** One frame of a camera, the one nearest to a moment. */
export class NearestFrames {
  private readonly askedAtMs = new WeakMap<Camera, number>();

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
      const own = frame === undefined ? undefined : ownPast(frame);
      frames.close();
      if (own !== undefined || error !== undefined) settle(error, own);
      else settle(noFrame(query.camera), undefined);
    });
    return () => {
      frames.close();
    };
  }

  private openHistory({ camera, momentMs, terms }: NearestQuery): HistoryFrames {
    return this.history.open({
      camera,
      fromUs: 0,
      toUs: 0,
      nearestUs: momentMs * 1000,
      lookOf: () => terms.outputFormat,
      keyframesOnly: terms.keyframesOnly,
      intervalMs: 0,
      withholdCorrupt: terms.withholdCorrupt,
    });
  }

  /**
   * What is decoded anyway, or will be for whoever asks often. A single question does not make a camera decode for
   * seconds.
   */
  private live({ camera, terms }: NearestQuery): OwnFrame | undefined {
    const nowMs = this.clock.monotonicMs();
    const again = nowMs - (this.askedAtMs.get(camera) ?? -Infinity) < AGAIN_MS;
    this.askedAtMs.set(camera, nowMs);
    if (!again && camera.stats.decoding !== 'all') return undefined;
    let found: FrameRef | undefined;
    try {
      camera.frames.request({ terms, after: 0, awayMs: Infinity, waitMs: 0, maxAgeMs: 0 }, (frame) => {
        found = frame;
      });
    } catch (error) {
      // Too many looks at a time: then it is decoded for this call alone.
      if (error instanceof ChrysError && error.kind === 'resource_exhausted') return undefined;
      throw error;
    }
    return found === undefined ? undefined : ownLive(found);
  }
}

function ownLive(frame: FrameRef): OwnFrame | undefined {
  const message = Buffer.allocUnsafeSlow(frame.byteLength);
  const copied = frame.copyTo(message, 0);
  return copied === undefined ? undefined : { message, arrivalMs: copied.arrivalMs };
}

function ownPast(frame: PastFrame): OwnFrame {
  const message = Buffer.allocUnsafeSlow(frame.byteLength);
  frame.copyTo(message, 0);
  return { message, arrivalMs: Math.floor(frame.arrivalUs / 1000) };
}

function noFrame(camera: Camera): ChrysError {
  const { name } = camera.definition;
  return (
    notConnected(camera) ??
    new ChrysError(
      'not_found',
      `camera ${name} has no such frame in memory (yet): ask again, or raise buffer.in_memory`,
    )
  );
}
