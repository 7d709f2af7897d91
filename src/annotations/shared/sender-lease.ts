import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { AutoResetEvent } from '../../base/auto-reset-event.js';
import type { SharedStream } from './shared-stream.js';

export interface SenderLeaseParts {
  readonly stream: Pick<SharedStream, 'origin' | 'takeLease' | 'keepLease' | 'giveLeaseUp' | 'hasSender'>;
  readonly clock: Clock;
  /** This proxy could send: it has keys. */
  readonly canSend: () => boolean;
  /** Why what it sends is not taken; '' = it is, as far as is known. */
  readonly failing: () => string;
  /** From now on this proxy sends. */
  readonly begin: (lease: string) => Promise<void>;
  /** It sends no more; resolves when nothing is on its way. Takes SEND_GRACE_MS at most, and a moment. */
  readonly end: (graceMs: number) => Promise<void>;
}

/** Who sends: nobody as far as is known. */
export type SenderPlace = 'this' | 'other' | 'none';

/** A proxy that was killed holds the others up for so long. */
const LEASE_MS = 10_000;
const KEEP_EVERY_MS = 3000;
/** An answer that takes longer is none. With KEEP_EVERY_MS and the grace, well within the lease. */
const KEPT_WITHIN_MS = 3000;
const TRY_EVERY_MS = 1000;
const GRACE_MS = 1000;
/** Whose endpoint has failed for so long makes room for another that waits … */
const PATIENCE_MS = 5000;
/** … and does not ask again for so long, unless nobody has taken it for a while. */
const RETIRED_MS = 60_000;
const NOBODY_MS = 5000;

/**
 * Has one proxy at a time send, of all that share a queue: two would send a camera's annotations out of order. Even if two
 * did for a moment (one was frozen and does not know yet that its time is over), each sends in order and all that is not
 * settled, so that only repetitions under equal ids come of it.
 */
export class SenderLease {
  private readonly bell: AutoResetEvent;
  private connected = false;
  private closed = false;
  /** Something went wrong under the lease: it is taken anew. */
  private isDoubtful = false;
  private lease = '';
  private who: SenderPlace = 'none';
  private failingSinceMs: number | undefined;
  private retiredUntilMs = 0;
  private running: Promise<void> | undefined;

  constructor(private readonly parts: SenderLeaseParts) {
    this.bell = new AutoResetEvent(parts.clock);
  }

  get place(): SenderPlace {
    return this.who;
  }

  start(): void {
    this.running = this.run();
  }

  connect(): void {
    this.connected = true;
    this.bell.set();
  }

  disconnect(): void {
    this.connected = false;
    this.doubt();
  }

  doubt(): void {
    this.isDoubtful = true;
    this.bell.set();
  }

  /** What this proxy can do has changed: keys, for instance. */
  reconsider(): void {
    this.retiredUntilMs = 0;
    this.bell.set();
  }

  /** The next one can begin at once. */
  async stop(): Promise<void> {
    this.closed = true;
    this.bell.set();
    await this.running;
    if (this.lease !== '') await this.leave();
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      const waitMs = await this.round();
      await this.bell.wait(waitMs);
    }
  }

  private async round(): Promise<number> {
    if (this.lease !== '') {
      if (await this.keeps()) return KEEP_EVERY_MS;
      await this.leave();
      return TRY_EVERY_MS;
    }
    if (!this.connected) return TRY_EVERY_MS;
    try {
      this.who = await this.look();
    } catch {
      this.who = 'none';
    }
    return this.who === 'this' ? KEEP_EVERY_MS : TRY_EVERY_MS;
  }

  private async look(): Promise<SenderPlace> {
    const { stream, canSend, begin } = this.parts;
    if (!canSend() || this.isRetired) {
      if (await stream.hasSender()) return 'other';
      if (!canSend() || this.leftJustNow) return 'none';
    }
    const lease = `${stream.origin} ${randomUUID()}`;
    if (!(await stream.takeLease(lease, LEASE_MS))) return 'other';
    this.isDoubtful = false;
    this.failingSinceMs = undefined;
    await begin(lease);
    this.lease = lease;
    return 'this';
  }

  private get isRetired(): boolean {
    return this.parts.clock.monotonicMs() < this.retiredUntilMs;
  }

  private get leftJustNow(): boolean {
    return this.parts.clock.monotonicMs() < this.retiredUntilMs - RETIRED_MS + NOBODY_MS;
  }

  /** False: it is to be given up, or is lost already. */
  private async keeps(): Promise<boolean> {
    const { stream, canSend, failing, clock } = this.parts;
    if (this.isDoubtful || !this.connected || !canSend()) return false;
    const nowMs = clock.monotonicMs();
    if (failing() === '') this.failingSinceMs = undefined;
    else this.failingSinceMs ??= nowMs;
    try {
      const waiting = await this.inTime(stream.keepLease(this.lease, LEASE_MS));
      if (waiting === 0 || this.failingSinceMs === undefined || nowMs - this.failingSinceMs < PATIENCE_MS) return true;
      this.retiredUntilMs = nowMs + RETIRED_MS;
      return false;
    } catch {
      return false;
    }
  }

  private async inTime<T>(answer: Promise<T>): Promise<T> {
    let cancel: (() => void) | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = this.parts.clock.after(KEPT_WITHIN_MS, () => {
        reject(new Error('Redis does not answer.'));
      });
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel?.();
    }
  }

  private async leave(): Promise<void> {
    const { stream, end } = this.parts;
    const { lease } = this;
    await end(GRACE_MS);
    this.lease = '';
    this.who = 'none';
    if (!this.connected) return;
    try {
      await this.inTime(stream.giveLeaseUp(lease));
    } catch {
      // It ends by itself.
    }
  }
}
