import { randomUUID } from 'node:crypto';
import { AutoResetEvent } from '../../base/auto-reset-event.js';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/within.js';
import type { SharedStream } from './shared-stream.js';

export interface SenderLeaseParts {
  readonly stream: Pick<SharedStream, 'origin' | 'takeLease' | 'keepLease' | 'releaseLease' | 'hasSender'>;
  readonly clock: Clock;
  /** Whether this proxy has the keys to send. */
  readonly canSend: () => boolean;
  /** Why the endpoint does not accept items of this proxy; '' = it accepts them, or nothing was sent yet. */
  readonly failing: () => string;
  /** Called when this proxy becomes the sender. */
  readonly begin: (lease: string) => Promise<void>;
  /** Called when this proxy stops sending. Resolves when nothing is being sent, at the latest soon after `graceMs`. */
  readonly end: (graceMs: number) => Promise<void>;
}

/** Which proxy sends; 'none' also when this is unknown. */
export type LeaseHolder = 'this' | 'other' | 'none';

/** Validity of the lease. Another proxy takes over at most this long after the sender was killed. */
const LEASE_MS = 10_000;
const KEEP_INTERVAL_MS = 3000;
/** Timeout for keeping or releasing the lease. The sum of this, KEEP_INTERVAL_MS and GRACE_MS is less than LEASE_MS. */
const ANSWER_TIMEOUT_MS = 3000;
const TRY_INTERVAL_MS = 1000;
/** How long running batches may go on when the lease ends. */
const GRACE_MS = 1000;
/** A sender whose endpoint fails for this long releases the lease if another proxy waits for it. */
const MAX_FAILING_MS = 5000;
/** After such a release, the proxy does not take the lease for RETIRED_MS, or for UNCLAIMED_MS if no other proxy takes it. */
const RETIRED_MS = 60_000;
const UNCLAIMED_MS = 5000;

/**
 * The lease that makes one proxy at a time the sender of the shared queue: two senders would send the items of a camera
 * out of order. A proxy that was frozen may send for a moment after its lease has ended. The receiver then gets
 * repetitions with equal ids, but each proxy sends in order.
 */
export class SenderLease {
  private readonly event: AutoResetEvent;
  private connected = false;
  private closed = false;
  /** The lease must be taken again, because an error occurred under it. */
  private mustReplace = false;
  private lease = '';
  private currentHolder: LeaseHolder = 'none';
  private failingSinceMs: number | undefined;
  private retiredUntilMs = 0;
  private running: Promise<void> | undefined;

  constructor(private readonly parts: SenderLeaseParts) {
    this.event = new AutoResetEvent(parts.clock);
  }

  get holder(): LeaseHolder {
    return this.currentHolder;
  }

  start(): void {
    this.running = this.run();
  }

  connect(): void {
    this.connected = true;
    this.event.set();
  }

  disconnect(): void {
    this.connected = false;
    this.replace();
  }

  /** Ends the lease and takes a new one. */
  replace(): void {
    this.mustReplace = true;
    this.event.set();
  }

  /** Checks at once whether this proxy can send now, for example with new keys. */
  reconsider(): void {
    this.retiredUntilMs = 0;
    this.event.set();
  }

  /** Releases the lease, so that another proxy can send at once. */
  async stop(): Promise<void> {
    this.closed = true;
    this.event.set();
    await this.running;
    if (this.lease !== '') await this.release();
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      const waitMs = await this.round();
      await this.event.wait(waitMs);
    }
  }

  /** Returns the time until the next round, in milliseconds. */
  private async round(): Promise<number> {
    if (this.lease !== '') {
      if (await this.keep()) return KEEP_INTERVAL_MS;
      await this.release();
      return TRY_INTERVAL_MS;
    }
    if (!this.connected) return TRY_INTERVAL_MS;
    try {
      this.currentHolder = await this.tryToTake();
    } catch {
      this.currentHolder = 'none';
    }
    return this.currentHolder === 'this' ? KEEP_INTERVAL_MS : TRY_INTERVAL_MS;
  }

  private async tryToTake(): Promise<LeaseHolder> {
    const { stream, canSend, begin } = this.parts;
    if (!canSend() || this.isRetired) {
      if (await stream.hasSender()) return 'other';
      if (!canSend() || this.hasJustRetired) return 'none';
    }
    const lease = `${stream.origin} ${randomUUID()}`;
    if (!(await stream.takeLease(lease, LEASE_MS))) return 'other';
    this.mustReplace = false;
    this.failingSinceMs = undefined;
    await begin(lease);
    this.lease = lease;
    return 'this';
  }

  private get isRetired(): boolean {
    return this.parts.clock.monotonicMs() < this.retiredUntilMs;
  }

  private get hasJustRetired(): boolean {
    return this.parts.clock.monotonicMs() < this.retiredUntilMs - RETIRED_MS + UNCLAIMED_MS;
  }

  /** False: the lease is lost, or must be released. */
  private async keep(): Promise<boolean> {
    const { stream, canSend, failing, clock } = this.parts;
    if (this.mustReplace || !this.connected || !canSend()) return false;
    const nowMs = clock.monotonicMs();
    if (failing() === '') this.failingSinceMs = undefined;
    else this.failingSinceMs ??= nowMs;
    try {
      const waiting = await this.inTime(stream.keepLease(this.lease, LEASE_MS));
      const failingMs = this.failingSinceMs === undefined ? 0 : nowMs - this.failingSinceMs;
      if (waiting === 0 || failingMs < MAX_FAILING_MS) return true;
      this.retiredUntilMs = nowMs + RETIRED_MS;
      return false;
    } catch {
      return false;
    }
  }

  private async release(): Promise<void> {
    const { stream, end } = this.parts;
    const { lease } = this;
    await end(GRACE_MS);
    this.lease = '';
    this.currentHolder = 'none';
    if (!this.connected) return;
    try {
      await this.inTime(stream.releaseLease(lease));
    } catch {
      // The lease expires.
    }
  }

  private async inTime<T>(answer: Promise<T>): Promise<T> {
    return await within(answer, ANSWER_TIMEOUT_MS, this.parts.clock, () => {
      throw new Error('Redis does not answer.');
    });
  }
}
