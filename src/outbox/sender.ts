import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { RetryLadder } from '../base/retry-ladder.js';
import { within } from '../base/within.js';
import type { Endpoint } from '../cloud/endpoint.js';
import { cloudRetries } from '../cloud/retry-delay.js';
import { missingKeys, signedHeaders, type EdgeKeys } from '../cloud/signature.js';
import { batchBody, batchId } from './batch-body.js';
import type { QueuedItem } from './item.js';
import type { OutboxData } from './messages.js';
import { capitalized } from './outbox-names.js';
import { PerCameraQueues, type WaitingItem } from './per-camera-queues.js';
import { outcomeOfAnswer, outcomeOfError, type OutcomeOptions, type PostOutcome } from './post-outcome.js';
import type { SendGate } from './send-gate.js';

export type SenderOptions = Pick<
  OutboxData,
  'mode' | 'unackedLimit' | 'pollDurationMs' | 'maxBatchSize' | 'names' | 'retryRefused'
>;

/** Where the sender gets items and stores the results: the queue of this proxy, or the shared queue. */
export interface SenderQueue {
  /**
   * The next items after `afterSeq`: up to `limit` items or `maxCharacters`, but at least one. When more items arrive, the
   * queue's owner must call Sender.wake.
   */
  next(afterSeq: number, limit: number, maxCharacters: number): readonly QueuedItem[];
  /** Throws when the result cannot be stored now; the sender then tries again. */
  deliver(seqs: readonly number[], nowMs: number): void | Promise<void>;
  /** Throws like `deliver`. */
  setAside(seq: number, reason: string, nowMs: number): void | Promise<void>;
}

export interface SenderParts extends SenderOptions {
  readonly queue: SenderQueue;
  readonly endpoint: Pick<Endpoint, 'post' | 'shownUrl'>;
  readonly clock: Clock;
  readonly gate?: SendGate | undefined;
  readonly random: () => number;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

const MAX_BATCH_BYTES = 1024 * 1024;
/** Maximum length of the JSON of all items in memory. */
const MAX_LOADED_CHARACTERS = 32 * 1024 * 1024;
/** Maximum number of batches that are sent at the same time, each of other cameras. */
const MAX_PARALLEL = 4;
/** The delay after 401 or 403. New keys end it. */
const FORBIDDEN_MS = 60_000;
/** After this number of refused items in a row, sending pauses: the endpoint is probably the cause, and not the items. */
const MAX_REFUSED_IN_A_ROW = 10;
/** The delay before a result that could not be stored is stored again. */
const STORE_RETRY_MS = 1000;

/**
 * Sends the items of a queue until the endpoint has accepted them: in order within a camera, each at least once. Runs in
 * the thread of the outbox.
 */
export class Sender {
  private queues: PerCameraQueues;
  private aborted = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private keys: EdgeKeys = { edgeKey: '', edgeSecret: '' };
  private loadedSeq = 0;
  private readonly failureDelays: RetryLadder;
  private readonly refusalDelays: RetryLadder;
  private refusedInARow = 0;
  /** Nothing is sent before this time; monotonic milliseconds. */
  private pausedUntilMs = 0;
  /** Why the last batch was not accepted; '' = it was. */
  private failure = '';
  private cancelTimer: (() => void) | undefined;
  private closed = false;
  private suspended = false;
  private error = '';
  private errorMs = 0;

  constructor(private readonly parts: SenderParts) {
    this.queues = new PerCameraQueues(parts.gate);
    this.failureDelays = cloudRetries(parts.random);
    this.refusalDelays = cloudRetries(parts.random);
  }

  get inFlight(): number {
    return this.queues.inFlight;
  }

  /** `atMs` is milliseconds since the epoch; '' and 0 = there was no error. */
  get lastError(): { readonly text: string; readonly atMs: number } {
    return { text: this.error, atMs: this.errorMs };
  }

  /** Why nothing is sent at the moment; '' = items are sent. */
  get paused(): string {
    if (this.parts.mode === 'local') {
      return `annotation.mode is local: ${this.parts.names.items} are kept here and not sent.`;
    }
    return missingKeys(this.keys) ?? (this.isPaused ? this.failure : '');
  }

  /** Why the last batch was not accepted, also while it is sent again; '' = it was accepted. */
  get failing(): string {
    return this.failure;
  }

  /** Milliseconds since the epoch; 0 = the sender is not paused. */
  get nextAttemptMs(): number {
    const { clock } = this.parts;
    return this.isPaused ? Math.round(clock.nowMs() + this.pausedUntilMs - clock.monotonicMs()) : 0;
  }

  useKeys(keys: EdgeKeys): void {
    this.keys = keys;
    this.pausedUntilMs = 0;
    this.wake();
  }

  /** Sends the batches that are ready. Call this when the queue, the gate or the keys have changed. */
  wake(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (this.isEnding || this.parts.mode === 'local' || missingKeys(this.keys) !== undefined) return;
    if (this.isPaused) {
      this.wakeAt(this.pausedUntilMs);
      return;
    }
    this.load();
    while (this.canBegin()) this.begin();
    const dueMs = this.queues.nextDueMs;
    // In the other cases, the end of a running batch wakes the sender.
    if (dueMs !== undefined && !this.isProbing && this.running.size < MAX_PARALLEL) this.wakeAt(dueMs);
  }

  /** Waits up to `graceMs` for running batches and then aborts them. The next run sends them again. */
  async stop(graceMs: number): Promise<void> {
    this.closed = true;
    await this.end(graceMs);
  }

  /**
   * Sends nothing until resume(). Waits up to `graceMs` for running batches, aborts them, and forgets all loaded items.
   * Resolves when no batch runs.
   */
  async suspend(graceMs: number): Promise<void> {
    this.suspended = true;
    await this.end(graceMs);
    this.queues = new PerCameraQueues(this.parts.gate);
    this.aborted = new AbortController();
  }

  resume(): void {
    this.suspended = false;
    this.wake();
  }

  /** Loads the queue again from its beginning, because older items have returned to it. */
  reload(): void {
    void this.suspend(0).then(() => {
      this.loadedSeq = 0;
      this.resume();
    });
  }

  private async end(graceMs: number): Promise<void> {
    this.cancelTimer?.();
    const all = Promise.all(this.running);
    if (graceMs > 0) await within(all, graceMs, this.parts.clock, () => undefined);
    this.aborted.abort();
    await all;
  }

  /** No further batch begins. */
  private get isEnding(): boolean {
    return this.closed || this.suspended;
  }

  private get isPaused(): boolean {
    return this.parts.clock.monotonicMs() < this.pausedUntilMs;
  }

  /** After a failure, a single batch tests whether the endpoint works again. */
  private get isProbing(): boolean {
    return this.failure !== '' && this.running.size > 0;
  }

  private load(): void {
    const { queue, clock, unackedLimit, pollDurationMs } = this.parts;
    const count = unackedLimit - this.queues.size;
    const characters = MAX_LOADED_CHARACTERS - this.queues.characters;
    if (count <= 0 || characters <= 0) return;
    const loaded = queue.next(this.loadedSeq, count, characters);
    this.loadedSeq = loaded.at(-1)?.seq ?? this.loadedSeq;
    const [nowMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    const dueMs = ({ storedMs }: QueuedItem): number =>
      monotonicMs + Math.min(pollDurationMs, Math.max(0, storedMs + pollDurationMs - nowMs));
    this.queues.add(loaded.map((item) => ({ ...item, dueMs: dueMs(item) })));
  }

  private canBegin(): boolean {
    if (this.isProbing || this.isPaused || this.running.size >= MAX_PARALLEL) return false;
    const isFull = this.queues.ready >= Math.min(this.parts.maxBatchSize, this.parts.unackedLimit);
    const dueMs = this.queues.nextDueMs;
    return dueMs !== undefined && (isFull || dueMs <= this.parts.clock.monotonicMs());
  }

  private begin(): void {
    const batch = this.queues.take(this.parts.maxBatchSize, MAX_BATCH_BYTES);
    const run = this.process(batch).finally(() => {
      this.running.delete(run);
      this.wake();
    });
    this.running.add(run);
  }

  private async process(batch: readonly WaitingItem[]): Promise<void> {
    const unsettled = new Set(batch);
    try {
      await this.send(batch, unsettled);
    } finally {
      this.queues.finish(batch, [...unsettled]);
    }
  }

  /** Sends a batch and removes settled items from `unsettled`. False: the rest must wait. */
  private async send(batch: readonly WaitingItem[], unsettled: Set<WaitingItem>): Promise<boolean> {
    const { keys } = this;
    const outcome = await this.post(batch);
    switch (outcome.kind) {
      case 'accepted':
        this.onAccepted();
        await this.settle(batch, unsettled, () => {
          const seqs = batch.map(({ seq }) => seq);
          return this.parts.queue.deliver(seqs, this.parts.clock.nowMs());
        });
        return true;
      case 'refused':
        return await this.onRefused(batch, unsettled, outcome.reason);
      case 'forbidden':
        // With new keys there is nothing to wait for.
        if (keys === this.keys) this.pause(FORBIDDEN_MS, outcome.reason);
        return false;
      case 'failed':
        // A request that we aborted says nothing about the endpoint.
        if (this.isEnding) return false;
        if (outcome.isReached) this.parts.gate?.failed(batch);
        this.pause(Math.max(this.failureDelays.fail(), outcome.retryAfterMs), outcome.reason);
        return false;
    }
  }

  private async post(batch: readonly WaitingItem[]): Promise<PostOutcome> {
    const { endpoint, clock, gate, names, retryRefused = false } = this.parts;
    const options: OutcomeOptions = { shownUrl: endpoint.shownUrl, endpointKey: names.endpointKey, retryRefused };
    try {
      const special = gate && (await gate.requestOf(batch));
      const body = special?.body ?? batchBody(batch);
      const signed = signedHeaders(body, this.keys, clock.nowMs());
      const headers = { ...special?.headers, ...signed, 'X-Chrys-Batch-Id': batchId(batch) };
      return outcomeOfAnswer(await endpoint.post(body, headers, this.aborted.signal), options);
    } catch (error) {
      return outcomeOfError(error, options);
    }
  }

  private onAccepted(): void {
    this.failureDelays.reset();
    this.refusalDelays.reset();
    this.refusedInARow = 0;
    if (this.failure === '') return;
    this.failure = '';
    this.parts.log('info', `${capitalized(this.parts.names.items)} are delivered again.`);
  }

  /** Halves a refused batch until the refused item is alone, and sets this item aside. */
  private async onRefused(
    batch: readonly WaitingItem[],
    unsettled: Set<WaitingItem>,
    reason: string,
  ): Promise<boolean> {
    const [only] = batch;
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
        if (this.isEnding || this.isPaused || !(await this.send(half, unsettled))) return false;
      }
      return true;
    }
    if (only === undefined) return true;
    const { names, queue, clock } = this.parts;
    await this.settle(batch, unsettled, () => queue.setAside(only.seq, reason, clock.nowMs()));
    this.setLastError(`${capitalized(names.item)} ${only.id} of ${only.camera} is set aside: ${reason}`);
    this.refusedInARow += 1;
    if (this.refusedInARow < MAX_REFUSED_IN_A_ROW) return true;
    const all = `the last ${this.refusedInARow} ${names.items} were refused, so ${names.endpointKey} may be wrong`;
    this.pause(this.refusalDelays.fail(), `${reason}; ${all}`);
    return false;
  }

  /** Stores a result, and repeats this while the disk is full, so that an accepted item is not sent twice. */
  private async settle(
    batch: readonly WaitingItem[],
    unsettled: Set<WaitingItem>,
    store: () => void | Promise<void>,
  ): Promise<void> {
    const { names, clock, gate } = this.parts;
    for (;;) {
      try {
        await store();
        break;
      } catch (error) {
        this.setLastError(`The results of ${batch.length} ${names.items} cannot be stored: ${messageOf(error)}`);
        if (this.isEnding) return;
        await new Promise<void>((resolve) => void clock.after(STORE_RETRY_MS, resolve));
      }
    }
    for (const item of batch) unsettled.delete(item);
    gate?.settled(batch);
  }

  private pause(forMs: number, reason: string): void {
    if (this.isEnding) return;
    const { names, clock, log } = this.parts;
    if (this.failure !== reason) log('warn', `${capitalized(names.items)} are not delivered: ${reason}`);
    this.failure = reason;
    this.pausedUntilMs = clock.monotonicMs() + forMs;
    this.setLastError(reason);
  }

  private setLastError(text: string): void {
    this.error = text;
    this.errorMs = this.parts.clock.nowMs();
  }

  private wakeAt(monotonicMs: number): void {
    const { clock } = this.parts;
    this.cancelTimer = clock.after(Math.max(0, Math.ceil(monotonicMs - clock.monotonicMs())), () => {
      this.wake();
    });
  }
}
