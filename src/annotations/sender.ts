import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import type { QueuedAnnotation } from '../database/annotation.js';
import { batchBody, batchId } from './batch-body.js';
import { NoAnswer, type Endpoint, type EndpointAnswer } from '../cloud/endpoint.js';
import type { EvidenceGate } from './evidence/evidence-gate.js';
import { Outbox, type Waiting } from './outbox.js';
import { ANNOTATION_NAMES, type QueueNames } from './queue-names.js';
import { retryDelayMs } from '../cloud/retry-delay.js';
import { missingKeys, signedHeaders, type EdgeKeys } from '../cloud/signature.js';
import type { AnnotationMode } from './types.js';

export interface SenderOptions {
  readonly mode: AnnotationMode;
  readonly unackedLimit: number;
  readonly pollDurationMs: number;
  readonly maxBatchSize: number;
  /** Undefined: those of annotations. */
  readonly names?: QueueNames | undefined;
  /** What the endpoint refuses is sent again, as after any other failure, and not set aside. */
  readonly retryRefused?: boolean | undefined;
}

/** Where annotations come from, and where it is noted what became of them: that of this proxy, or one that is shared. */
export interface SenderQueue {
  /** Those after one, in their order, at most so many, and at least one. Whoever gets more later wakes the sender. */
  next(afterSeq: number, limit: number, maxCharacters: number): readonly QueuedAnnotation[];
  /** Throws what cannot be noted now: it is tried again. */
  deliver(seqs: readonly number[], nowMs: number): void | Promise<void>;
  setAside(seq: number, reason: string, nowMs: number): void | Promise<void>;
}

export interface SenderParts extends SenderOptions {
  readonly queue: SenderQueue;
  readonly endpoint: Pick<Endpoint, 'post' | 'shownUrl'>;
  readonly clock: Clock;
  /** Undefined: evidence is not sent. */
  readonly evidence?: Pick<EvidenceGate, 'holds' | 'standsAlone' | 'requestOf' | 'failed' | 'settled'> | undefined;
  readonly random: () => number;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

const MAX_BATCH_BYTES = 1024 * 1024;
/** Of those that are held in memory, however few they are. */
const MAX_LOADED_CHARACTERS = 32 * 1024 * 1024;
/** Batches of different cameras that are on their way at a time. */
const MAX_PARALLEL = 4;
/** After 401 or 403; new keys end the wait. */
const FORBIDDEN_MS = 60_000;
/** So many refused one after the other, and none taken: then it is the endpoint's fault rather than theirs. */
const ALL_REFUSED = 10;
/** What the disk does not take is tried again so often, milliseconds. */
const WRITE_AGAIN_MS = 1000;

/** It was there when it failed. */
const REACHED: readonly NoAnswer['trouble'][] = ['timeout', 'broken_off'];

/** What became of a post. */
type Outcome =
  | { readonly kind: 'taken' }
  /** These annotations will never be taken together; one that is alone, never. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'forbidden'; readonly reason: string }
  /** `reached`: the endpoint was there, and it may be about what was sent. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number; readonly reached: boolean };

/**
 * Sends what waits in the queue until it is taken: in order for each camera, at least once. What waits is not lost,
 * whatever happens here. Annotation worker.
 */
export class Sender {
  private outbox: Outbox;
  private aborted = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private keys: EdgeKeys = { edgeKey: '', edgeSecret: '' };
  private loadedSeq = 0;
  private failures = 0;
  private refusedInARow = 0;
  /** Nothing is sent before this moment of the monotonic clock. */
  private holdMs = 0;
  private held = '';
  private cancelTimer: (() => void) | undefined;
  private closed = false;
  private suspended = false;
  private error = '';
  private errorMs = 0;

  private readonly names: QueueNames;

  constructor(private readonly parts: SenderParts) {
    this.names = parts.names ?? ANNOTATION_NAMES;
    this.outbox = new Outbox(parts.evidence);
  }

  get inFlight(): number {
    return this.outbox.inFlight;
  }

  get lastError(): { readonly text: string; readonly atMs: number } {
    return { text: this.error, atMs: this.errorMs };
  }

  /** Why nothing is sent; '' = it is. */
  get paused(): string {
    if (this.parts.mode === 'local') return 'annotation.mode is local: annotations are kept here and not sent.';
    return missingKeys(this.keys) ?? (this.isHeld ? this.held : '');
  }

  /** Why the last ones were not taken, also while it is tried again; '' = they were. */
  get failing(): string {
    return this.held;
  }

  /** Milliseconds since the epoch; 0 = there is nothing to wait for. */
  get nextAttemptMs(): number {
    const { clock } = this.parts;
    return this.isHeld ? Math.round(clock.nowMs() + this.holdMs - clock.monotonicMs()) : 0;
  }

  useKeys(keys: EdgeKeys): void {
    this.keys = keys;
    this.release();
    this.wake();
  }

  /** There may be something to send. */
  wake(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (this.isEnding || this.parts.mode === 'local' || missingKeys(this.keys) !== undefined) return;
    if (this.isHeld) {
      this.wakeAt(this.holdMs);
      return;
    }
    this.fill();
    while (this.mayBegin()) this.begin();
    const dueMs = this.outbox.nextDueMs;
    // The end of a batch wakes it, too.
    if (dueMs !== undefined && !this.isProbing && this.running.size < MAX_PARALLEL) this.wakeAt(dueMs);
  }

  /** What is on its way may still arrive for so long. What does not is sent again by the next run. */
  async stop(graceMs: number): Promise<void> {
    this.closed = true;
    await this.end(graceMs);
  }

  /**
   * Sends nothing until resume(). What is on its way may still arrive for so long; what was taken of the queue and not
   * sent is forgotten. Resolves when nothing is on its way any more.
   */
  async suspend(graceMs: number): Promise<void> {
    this.suspended = true;
    await this.end(graceMs);
    this.outbox = new Outbox(this.parts.evidence);
    this.aborted = new AbortController();
  }

  resume(): void {
    this.suspended = false;
    this.wake();
  }

  /** What is in front of those that were loaded has changed. */
  reload(): void {
    void this.suspend(0).then(() => {
      this.loadedSeq = 0;
      this.resume();
    });
  }

  private async end(graceMs: number): Promise<void> {
    this.cancelTimer?.();
    const all = Promise.all(this.running);
    await Promise.race([all, pause(graceMs, undefined, { ref: false })]);
    this.aborted.abort();
    await all;
  }

  /** What is on its way is not to be followed by anything. */
  private get isEnding(): boolean {
    return this.closed || this.suspended;
  }

  private get isHeld(): boolean {
    return this.parts.clock.monotonicMs() < this.holdMs;
  }

  /** After a failure, one batch finds out whether it is over. */
  private get isProbing(): boolean {
    return (this.failures > 0 || this.held !== '') && this.running.size > 0;
  }

  private fill(): void {
    const { queue, clock, unackedLimit, pollDurationMs } = this.parts;
    const room = unackedLimit - this.outbox.size;
    const characters = MAX_LOADED_CHARACTERS - this.outbox.characters;
    if (room <= 0 || characters <= 0) return;
    const loaded = queue.next(this.loadedSeq, room, characters);
    this.loadedSeq = loaded.at(-1)?.seq ?? this.loadedSeq;
    const [nowMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    const dueMs = ({ storedMs }: QueuedAnnotation): number =>
      monotonicMs + Math.min(pollDurationMs, Math.max(0, storedMs + pollDurationMs - nowMs));
    this.outbox.add(loaded.map((annotation) => ({ ...annotation, dueMs: dueMs(annotation) })));
  }

  private mayBegin(): boolean {
    if (this.isProbing || this.isHeld || this.running.size >= MAX_PARALLEL) return false;
    const full = this.outbox.ready >= Math.min(this.parts.maxBatchSize, this.parts.unackedLimit);
    const dueMs = this.outbox.nextDueMs;
    return dueMs !== undefined && (full || dueMs <= this.parts.clock.monotonicMs());
  }

  private begin(): void {
    const batch = this.outbox.take(this.parts.maxBatchSize, MAX_BATCH_BYTES);
    const run = this.deliver(batch).finally(() => {
      this.running.delete(run);
      this.wake();
    });
    this.running.add(run);
  }

  private async deliver(batch: readonly Waiting[]): Promise<void> {
    const left = new Set(batch);
    try {
      await this.send(batch, left);
    } finally {
      this.outbox.finish(batch, [...left]);
    }
  }

  /** Takes what has been settled out of `left`. False: the rest has to wait. */
  private async send(batch: readonly Waiting[], left: Set<Waiting>): Promise<boolean> {
    const { keys } = this;
    const outcome = await this.post(batch);
    switch (outcome.kind) {
      case 'taken':
        this.taken();
        await this.settle(batch, left, () => {
          const seqs = batch.map(({ seq }) => seq);
          return this.parts.queue.deliver(seqs, this.parts.clock.nowMs());
        });
        return true;
      case 'refused':
        return await this.refused(batch, left, outcome.reason);
      case 'forbidden':
        // Not when there are other keys by now.
        if (keys === this.keys) this.hold(FORBIDDEN_MS, outcome.reason);
        return false;
      case 'failed':
        // A request that was ended because nothing is to be sent any more is no news.
        if (this.isEnding) return false;
        if (outcome.reached) this.parts.evidence?.failed(batch);
        this.failures += 1;
        this.hold(Math.max(retryDelayMs(this.failures, this.parts.random), outcome.retryAfterMs), outcome.reason);
        return false;
    }
  }

  /** Halves, until the one that nobody wants stands alone. */
  private async refused(batch: readonly Waiting[], left: Set<Waiting>, reason: string): Promise<boolean> {
    const [only] = batch;
    if (batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
        if (this.isEnding || this.isHeld || !(await this.send(half, left))) return false;
      }
      return true;
    }
    if (only === undefined) return true;
    await this.settle(batch, left, () => this.parts.queue.setAside(only.seq, reason, this.parts.clock.nowMs()));
    this.remember(`${this.names.item} ${only.id} of ${only.camera} is set aside: ${reason}`);
    this.refusedInARow += 1;
    if (this.refusedInARow < ALL_REFUSED) return true;
    const all = `the last ${this.refusedInARow} ${this.names.items} were refused, so it may be the fault of ${this.names.endpointKey}`;
    this.hold(retryDelayMs(this.refusedInARow - ALL_REFUSED + 1, this.parts.random), `${reason}; ${all}`);
    return false;
  }

  private async post(batch: readonly Waiting[]): Promise<Outcome> {
    const { endpoint, clock, evidence } = this.parts;
    try {
      const special = evidence && (await evidence.requestOf(batch));
      const body = special?.body ?? batchBody(batch);
      const signed = signedHeaders(body, this.keys, clock.nowMs());
      const headers = { ...special?.headers, ...signed, 'X-Chrys-Batch-Id': batchId(batch) };
      const answer = await endpoint.post(body, headers, this.aborted.signal);
      const outcome = outcomeOf(answer, endpoint.shownUrl, this.names.endpointKey);
      const isRetried = outcome.kind === 'refused' && this.parts.retryRefused === true;
      return isRetried ? { ...outcome, kind: 'failed', retryAfterMs: 0, reached: true } : outcome;
    } catch (error) {
      const why = error instanceof NoAnswer ? error.message : `it cannot be asked (${messageOf(error)})`;
      const reached = error instanceof NoAnswer && REACHED.includes(error.trouble);
      return { kind: 'failed', reason: `${endpoint.shownUrl}: ${why}`, retryAfterMs: 0, reached };
    }
  }

  /** What was taken is not sent again only because the disk is full at the moment: it waits until it can be noted. */
  private async settle(
    batch: readonly Waiting[],
    left: Set<Waiting>,
    write: () => void | Promise<void>,
  ): Promise<void> {
    for (;;) {
      try {
        await write();
        break;
      } catch (error) {
        this.remember(`that ${batch.length} ${this.names.items} are done with cannot be noted: ${messageOf(error)}`);
        if (this.isEnding) return;
        await pause(WRITE_AGAIN_MS);
      }
    }
    for (const annotation of batch) left.delete(annotation);
    this.parts.evidence?.settled(batch);
  }

  private taken(): void {
    this.failures = 0;
    this.refusedInARow = 0;
    if (this.held === '') return;
    this.held = '';
    this.parts.log('info', `${this.names.items} are delivered again`);
  }

  private hold(forMs: number, reason: string): void {
    if (this.isEnding) return;
    if (this.held !== reason) this.parts.log('warn', `${this.names.items} are not delivered: ${reason}`);
    this.held = reason;
    this.holdMs = this.parts.clock.monotonicMs() + forMs;
    this.remember(reason);
  }

  private release(): void {
    this.holdMs = 0;
  }

  private remember(text: string): void {
    this.error = text;
    this.errorMs = this.parts.clock.nowMs();
  }

  private wakeAt(monotonicMs: number): void {
    this.cancelTimer = this.parts.clock.after(
      Math.max(0, Math.ceil(monotonicMs - this.parts.clock.monotonicMs())),
      () => {
        this.wake();
      },
    );
  }
}

/** Statuses that say something about the moment, and not about these annotations. */
const RETRIED = [408, 429];

function outcomeOf({ status, text, location, retryAfterMs }: EndpointAnswer, url: string, key: string): Outcome {
  const reason = `${url} answered ${status}${text === '' ? '' : ` (${text})`}`;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (status === 401 || status === 403) {
    return { kind: 'forbidden', reason: `${reason}: it does not accept the edge key and secret of the settings` };
  }
  if (status >= 300 && status < 400) {
    const where = location === '' ? '' : ` to ${location}`;
    return {
      kind: 'failed',
      reason: `${reason}: redirects${where} are not followed; put the final address into ${key}`,
      retryAfterMs,
      reached: false,
    };
  }
  if (status >= 400 && status < 500 && !RETRIED.includes(status)) return { kind: 'refused', reason };
  return { kind: 'failed', reason, retryAfterMs, reached: true };
}
