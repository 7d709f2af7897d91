import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { CONTROL, PICTURE_FORMAT } from '../../gen/ring-layout.js';
import type { Control } from '../../rings/control.js';
import type { FrameReader, FrameRef } from '../../rings/frame-reader.js';
import { type Demand, DEFAULT_OUTPUT_FORMAT } from './demand.js';
import { frameIntervalMs, liveSinceMs } from './live-since.js';
import { MAX_FRAME_MESSAGE_BYTES } from '../capture/rings.js';
import type { FrameQuery, FrameSource, FrameOptions, OutputFormat, Subscription } from '../types.js';

const MAX_WAITERS = 4096;
/** A caller that returns within this number of frame intervals gets every frame in turn, even if it is a moment late. */
const IN_ORDER_INTERVALS = 1.5;
/** Time between two snapshot requests while the stream has no keyframe yet. */
const SNAPSHOT_RETRY_MS = 250;
/** A frame that is older than the newest packet by more than this is not used as a snapshot. */
const SNAPSHOT_STALE_MS = 5000;

/** The result for a waiter when its output format is too large for a message. */
const REFUSED = Symbol('too large');

const BGR24 = { name: 'BGR24', bytesPerPixel: 3 };
/** Indexed by PICTURE_FORMAT, without JPEG. */
const FORMATS: readonly { readonly name: string; readonly bytesPerPixel: number }[] = [
  BGR24,
  { name: 'RGB24', bytesPerPixel: 3 },
  { name: 'GRAY8', bytesPerPixel: 1 },
  { name: 'I420', bytesPerPixel: 1.5 },
];

const NOTHING_TO_END = (): void => undefined;
const NEVER_WAITED = (): boolean => false;

/** Checks whether the result exists now. Returns whether the wait has ended. */
type Waiter = () => boolean;

/**
 * Delivers the frames of one camera to any number of callers on the main thread. One outstanding Atomics.waitAsync serves
 * all of them, and the capture loop notifies only while a caller is waiting.
 */
export class RingFrameSource implements FrameSource {
  private readonly waiters = new Set<Waiter>();
  /** A waitAsync is outstanding: the next notification of frameEvent runs `serve`. */
  private armed = false;
  private closed = false;

  constructor(
    private readonly control: Control,
    /** One for each output. */
    private readonly readers: readonly FrameReader[],
    private readonly demand: Demand,
    private readonly clock: Clock,
  ) {}

  get callers(): number {
    return this.waiters.size;
  }

  subscribe(options: FrameOptions): Subscription {
    return this.demand.subscribe(options);
  }

  request(query: FrameQuery, settle: (frame: FrameRef | undefined) => void): () => void {
    const { options } = query;
    const subscription = this.demand.subscribe(options);
    const reader = this.readers[subscription.output];
    // When two frames are ready, a fast caller gets the older one first, and a slow caller the newest.
    const inOrder = query.sinceLastMs <= IN_ORDER_INTERVALS * frameIntervalMs(this.control);
    const find = (): FrameRef | undefined =>
      reader?.find({
        after: query.after,
        filter: subscription.frameFilter,
        serial: subscription.serial,
        withholdCorrupt: options.withholdCorrupt,
        notBeforeMs: this.notBeforeMs(query),
        inOrder,
      });
    const found = find();
    if (found !== undefined || query.waitMs <= 0) {
      settle(found);
      return NOTHING_TO_END;
    }
    this.demand.beginWait(subscription);
    let end: () => boolean;
    try {
      const findOrRefuse = (): FrameRef | typeof REFUSED | undefined =>
        find() ?? (this.demand.tooLarge(options.outputFormat) === undefined ? undefined : REFUSED);
      end = this.waitFor(findOrRefuse, query.waitMs, (frame) => {
        this.demand.endWait(subscription);
        settle(frame === REFUSED ? undefined : frame);
      });
    } catch (error) {
      this.demand.endWait(subscription);
      throw error;
    }
    return () => {
      if (end()) this.demand.endWait(subscription);
    };
  }

  refusal(format: OutputFormat): ChrysError | undefined {
    const size = this.demand.tooLarge(format);
    if (size === undefined) return undefined;
    const limit = `a message has at most ${MAX_FRAME_MESSAGE_BYTES} bytes`;
    const { width, height } = size;
    if (format.format === PICTURE_FORMAT.jpeg) {
      const text = `The JPEG of a ${width}x${height} picture is too large: ${limit}. Request a smaller one (width=1920).`;
      return new ChrysError('resource_exhausted', text);
    }
    const { name, bytesPerPixel } = FORMATS[format.format] ?? BGR24;
    const picture = `A picture of ${width}x${height} takes ${width * height * bytesPerPixel} bytes as ${name}`;
    const text = `${picture}, and ${limit}. Request a smaller one (width=1920) or JPEG.`;
    return new ChrysError('resource_exhausted', text);
  }

  async snapshot(waitMs: number, signal?: AbortSignal): Promise<FrameRef | undefined> {
    const giveUpMs = this.clock.monotonicMs() + waitMs;
    for (;;) {
      const fresh = this.freshFrame();
      if (fresh !== undefined) return fresh;
      const leftMs = giveUpMs - this.clock.monotonicMs();
      if (leftMs <= 0 || this.stopWaiting(signal)) return undefined;
      const request = this.control.addI32(CONTROL.snapshotWantedI32, 1);
      this.demand.wakeCapture();
      const served = await this.waited(() => this.served(request), leftMs, signal);
      if (served === undefined) return undefined;
      const frame = this.readers[0]?.latest();
      if (frame !== undefined && !this.isStale(frame)) return frame;
      if (this.demand.tooLarge(DEFAULT_OUTPUT_FORMAT) !== undefined) return undefined;
      const leftAfterMs = giveUpMs - this.clock.monotonicMs();
      await this.waited(() => undefined, Math.min(SNAPSHOT_RETRY_MS, Math.max(0, leftAfterMs)), signal);
    }
  }

  /**
   * Lets all waiting callers check again. The first frame of a new ring may be notified before the main thread knows the ring,
   * and the next frame of a slow camera may take seconds.
   */
  ringChanged(): void {
    Atomics.notify(this.control.i32, CONTROL.frameEventI32);
  }

  /** Ends the waits of all callers without a frame. */
  close(): void {
    this.closed = true;
    for (const waiter of [...this.waiters]) waiter();
    // Settles the promise of waitAsync, which would keep this object in memory.
    Atomics.notify(this.control.i32, CONTROL.frameEventI32);
  }

  private stopWaiting(signal: AbortSignal | undefined): boolean {
    return this.closed || signal?.aborted === true;
  }

  /** The newest frame, if decoding now would not give a newer one. */
  private freshFrame(): FrameRef | undefined {
    const frame = this.readers[0]?.latest();
    if (frame === undefined) return undefined;
    const ageMs = this.clock.nowMs() - frame.arrivalMs;
    return ageMs >= 0 && ageMs < 2 * frameIntervalMs(this.control) ? frame : undefined;
  }

  private notBeforeMs({ options, maxAgeMs }: FrameQuery): number {
    const nowMs = this.clock.nowMs();
    const liveMs = liveSinceMs(this.control, options, nowMs);
    return maxAgeMs > 0 ? Math.max(liveMs, nowMs - maxAgeMs) : liveMs;
  }

  private isStale(frame: FrameRef): boolean {
    const behindMs = this.control.getI64(CONTROL.lastPacketMsI64) - frame.arrivalMs;
    return behindMs > Math.max(SNAPSHOT_STALE_MS, 3 * frameIntervalMs(this.control));
  }

  /** Whether the capture loop has served snapshot request number `request`. Both numbers may wrap around. */
  private served(request: number): true | undefined {
    return ((this.control.getI32(CONTROL.snapshotDoneI32) - request) | 0) >= 0 ? true : undefined;
  }

  /** Resolves with the first result of `attempt`; undefined: no result within `waitMs`, aborted, or the camera was removed. */
  private async waited<T>(attempt: () => T | undefined, waitMs: number, signal?: AbortSignal): Promise<T | undefined> {
    if (this.stopWaiting(signal)) return undefined;
    return await new Promise((resolve) => {
      const giveUp = (): void => {
        if (end()) resolve(undefined);
      };
      signal?.addEventListener('abort', giveUp);
      const end = this.waitFor(attempt, waitMs, (result) => {
        signal?.removeEventListener('abort', giveUp);
        resolve(result);
      });
    });
  }

  /**
   * Calls `settle` once. The returned function ends the wait without that call, and returns whether the wait was still in
   * progress. Throws resource_exhausted when MAX_WAITERS calls wait.
   */
  private waitFor<T>(
    attempt: () => T | undefined,
    waitMs: number,
    settle: (result: T | undefined) => void,
  ): () => boolean {
    if (this.closed) {
      settle(undefined);
      return NEVER_WAITED;
    }
    if (this.waiters.size >= MAX_WAITERS) {
      throw new ChrysError('resource_exhausted', `${MAX_WAITERS} calls already wait for this camera. Try again later.`);
    }
    const end = (): boolean => {
      if (!this.waiters.delete(waiter)) return false;
      if (this.waiters.size === 0) this.control.addI32(CONTROL.frameWaitersI32, -1);
      cancelTimer();
      return true;
    };
    const waiter = (): boolean => {
      const result = attempt();
      if (result === undefined && !this.closed) return false;
      if (end()) settle(result);
      return true;
    };
    const cancelTimer = this.clock.after(waitMs, () => {
      if (end()) settle(undefined);
    });
    this.waiters.add(waiter);
    if (this.waiters.size === 1) this.control.addI32(CONTROL.frameWaitersI32, 1);
    // The capture loop does not notify of a frame that it published before it saw this waiter, so check once more.
    if (this.armed) waiter();
    else this.serve();
    return end;
  }

  /** Serves the waiters, and sleeps until the next notification while any are left. */
  private readonly serve = (): void => {
    this.armed = false;
    for (;;) {
      // Read before the ring: a frame that is published in between makes waitAsync return at once.
      const event = this.control.getI32(CONTROL.frameEventI32);
      for (const waiter of this.waiters) waiter();
      if (this.waiters.size === 0) return;
      const sleep = Atomics.waitAsync(this.control.i32, CONTROL.frameEventI32, event);
      if (!sleep.async) continue;
      this.armed = true;
      void sleep.value.then(this.serve);
      return;
    }
  };
}
