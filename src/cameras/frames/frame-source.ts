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
/** A caller that asks again within so many frame intervals is one that takes every frame and came a moment late. */
const IN_ORDER_INTERVALS = 1.5;
/** A snapshot is asked for anew so often while the stream has not had its first keyframe. */
const SNAPSHOT_RETRY_MS = 250;
/** What was decoded longer before the newest packet shows another time, however well it was decoded. */
const SNAPSHOT_STALE_MS = 5000;

/** The result for a waiter when no frame of its look can come. */
const REFUSED = Symbol('too large');

const BGR24 = { name: 'BGR24', bytesPerPixel: 3 };
/** By PICTURE_FORMAT, without JPEG. */
const FORMATS: readonly { readonly name: string; readonly bytesPerPixel: number }[] = [
  BGR24,
  { name: 'RGB24', bytesPerPixel: 3 },
  { name: 'GRAY8', bytesPerPixel: 1 },
  { name: 'I420', bytesPerPixel: 1.5 },
];

const NOTHING_TO_END = (): void => undefined;
const NEVER_WAITED = (): boolean => false;

/** Tries again what it waits for. True: settled. */
type Waiter = () => boolean;

/**
 * The frames of one camera for any number of callers on the main thread. One outstanding Atomics.waitAsync serves them
 * all, and the capture loop notifies only while somebody waits.
 */
export class RingFrameSource implements FrameSource {
  private readonly waiters = new Set<Waiter>();
  /** A waitAsync is outstanding: the next notification of frameEvent runs `look`. */
  private armed = false;
  private closed = false;

  constructor(
    private readonly control: Control,
    /** By output. */
    private readonly readers: readonly FrameReader[],
    private readonly demand: Demand,
    private readonly clock: Clock,
  ) {}

  get callers(): number {
    return this.waiters.size;
  }

  want(terms: FrameOptions): Subscription {
    return this.demand.touch(terms);
  }

  request(query: FrameQuery, settle: (frame: FrameRef | undefined) => void): () => void {
    const { terms } = query;
    const want = this.demand.touch(terms);
    const reader = this.readers[want.output];
    // Two frames that wait for it: it gets the older one first. Anyone slower gets the newest.
    const inOrder = query.awayMs <= IN_ORDER_INTERVALS * frameIntervalMs(this.control);
    const find = (): FrameRef | undefined =>
      reader?.find({
        after: query.after,
        frameClass: want.frameFilter,
        serial: want.serial,
        withholdCorrupt: terms.withholdCorrupt,
        notBeforeMs: this.notBeforeMs(query),
        inOrder,
      });
    const found = find();
    if (found !== undefined || query.waitMs <= 0) {
      settle(found);
      return NOTHING_TO_END;
    }
    this.demand.hold(want);
    let end: () => boolean;
    try {
      const findOrRefuse = (): FrameRef | typeof REFUSED | undefined =>
        find() ?? (this.demand.tooLarge(terms.outputFormat) === undefined ? undefined : REFUSED);
      end = this.waitFor(findOrRefuse, query.waitMs, (frame) => {
        this.demand.release(want);
        settle(frame === REFUSED ? undefined : frame);
      });
    } catch (error) {
      this.demand.release(want);
      throw error;
    }
    return () => {
      if (end()) this.demand.release(want);
    };
  }

  refusal(look: OutputFormat): ChrysError | undefined {
    const size = this.demand.tooLarge(look);
    if (size === undefined) return undefined;
    const limit = `a message has at most ${MAX_FRAME_MESSAGE_BYTES} bytes`;
    const { width, height } = size;
    if (look.format === PICTURE_FORMAT.jpeg) {
      const text = `the JPEG of a ${width}x${height} picture is too large, and ${limit}: request a smaller one (width=1920)`;
      return new ChrysError('resource_exhausted', text);
    }
    const { name, bytesPerPixel } = FORMATS[look.format] ?? BGR24;
    const picture = `a picture of ${width}x${height} takes ${width * height * bytesPerPixel} bytes as ${name}`;
    const text = `${picture}, and ${limit}: request a smaller one (width=1920) or JPEG`;
    return new ChrysError('resource_exhausted', text);
  }

  async snapshot(waitMs: number, signal?: AbortSignal): Promise<FrameRef | undefined> {
    const giveUpMs = this.clock.monotonicMs() + waitMs;
    for (;;) {
      const fresh = this.freshFrame();
      if (fresh !== undefined) return fresh;
      const leftMs = giveUpMs - this.clock.monotonicMs();
      if (leftMs <= 0 || this.stopWaiting(signal)) return undefined;
      const wanted = this.control.addI32(CONTROL.snapshotWantedI32, 1);
      this.demand.wakeCapture();
      const served = await this.waited(() => this.served(wanted), leftMs, signal);
      if (served === undefined) return undefined;
      const frame = this.readers[0]?.latest();
      if (frame !== undefined && !this.stale(frame)) return frame;
      if (this.demand.tooLarge(DEFAULT_OUTPUT_FORMAT) !== undefined) return undefined;
      const leftAfterMs = giveUpMs - this.clock.monotonicMs();
      await this.waited(() => undefined, Math.min(SNAPSHOT_RETRY_MS, Math.max(0, leftAfterMs)), signal);
    }
  }

  /**
   * Lets every waiting caller look again. The first frame of a new ring may be announced before main knows the ring, and
   * the next frame of a slow camera is seconds away.
   */
  ringChanged(): void {
    Atomics.notify(this.control.i32, CONTROL.frameEventI32);
  }

  /** Lets every caller go with nothing. */
  close(): void {
    this.closed = true;
    for (const waiter of [...this.waiters]) waiter();
    // Frees the promise of waitAsync, which would hold all of this for ever.
    Atomics.notify(this.control.i32, CONTROL.frameEventI32);
  }

  private stopWaiting(signal: AbortSignal | undefined): boolean {
    return this.closed || signal?.aborted === true;
  }

  /** The newest frame, when nothing newer can be expected of a decoder. */
  private freshFrame(): FrameRef | undefined {
    const frame = this.readers[0]?.latest();
    if (frame === undefined) return undefined;
    const ageMs = this.clock.nowMs() - frame.arrivalMs;
    return ageMs >= 0 && ageMs < 2 * frameIntervalMs(this.control) ? frame : undefined;
  }

  private notBeforeMs({ terms, maxAgeMs }: FrameQuery): number {
    const nowMs = this.clock.nowMs();
    const liveMs = liveSinceMs(this.control, terms, nowMs);
    return maxAgeMs > 0 ? Math.max(liveMs, nowMs - maxAgeMs) : liveMs;
  }

  private stale(frame: FrameRef): boolean {
    const behindMs = this.control.getI64(CONTROL.lastPacketMsI64) - frame.arrivalMs;
    return behindMs > Math.max(SNAPSHOT_STALE_MS, 3 * frameIntervalMs(this.control));
  }

  /** Both numbers may wrap around. */
  private served(wanted: number): true | undefined {
    return ((this.control.getI32(CONTROL.snapshotDoneI32) - wanted) | 0) >= 0 ? true : undefined;
  }

  /** Undefined: not within `waitMs`, aborted, or the camera is gone. */
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
   * `settle` is called once, unless the returned function is called before: it ends the wait, and tells whether there was
   * still one.
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
      throw new ChrysError('resource_exhausted', `${MAX_WAITERS} calls already wait for this camera: try again later`);
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
    // What was published before the loop could see that somebody waits is not notified: try once more.
    if (this.armed) waiter();
    else this.look();
    return end;
  }

  /** Serves whom it can and sleeps until the next notification, as long as anybody is left. */
  private readonly look = (): void => {
    this.armed = false;
    for (;;) {
      // Read before the ring: a frame that comes in between makes waitAsync return at once.
      const event = this.control.getI32(CONTROL.frameEventI32);
      for (const waiter of this.waiters) waiter();
      if (this.waiters.size === 0) return;
      const sleep = Atomics.waitAsync(this.control.i32, CONTROL.frameEventI32, event);
      if (!sleep.async) continue;
      this.armed = true;
      void sleep.value.then(this.look);
      return;
    }
  };
}
