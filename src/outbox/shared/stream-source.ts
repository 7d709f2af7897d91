import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { QueuedItem } from '../item.js';
import type { SenderQueue } from '../sender.js';
import type { SharedStream, StreamItem, StreamSettlement } from './shared-stream.js';

export interface StreamSourceParts {
  readonly stream: Pick<SharedStream, 'claim' | 'read' | 'settle'>;
  readonly clock: Clock;
  /** Called when there are items to send. */
  readonly onArrived: () => void;
  /** Called when items are settled: this proxy may be their origin. */
  readonly onSettled: () => void;
  /** Called after an error of Redis: the lease must be taken again. */
  readonly onError: (why: string) => void;
}

/** Maximum number of items that are read at a time, before the sender takes them. */
const READ_LIMIT = 200;
const READ_INTERVAL_MS = 200;

/** The shared queue, as the sender of the proxy that holds the lease uses it. */
export class StreamSource implements SenderQueue {
  /** Items that the sender has not taken yet. */
  private buffer: QueuedItem[] = [];
  /** Items that are read and not settled, by the `seq` under which the sender knows them. */
  private readonly unsettledItems = new Map<number, StreamItem>();
  /** Results that Redis does not have yet. Bounded by the number of items that were being sent when Redis failed. */
  private unsentResults: StreamSettlement[] = [];
  private lease = '';
  /** Where the next claim of an earlier sender's items begins; '' = all of them are claimed. */
  private claimFrom = '';
  private lastSeq = 0;
  private reading = false;
  private cancelReading: (() => void) | undefined;

  constructor(private readonly parts: StreamSourceParts) {}

  /** Begins to read. Unsettled items of an earlier sender come first, so that each camera's order is kept. */
  async begin(lease: string): Promise<void> {
    for (const settlement of this.unsentResults) await this.parts.stream.settle([settlement]);
    this.unsentResults = [];
    this.lease = lease;
    this.claimFrom = '0-0';
    this.readSoon(0);
  }

  /** Forgets all items. */
  end(): void {
    this.lease = '';
    this.cancelReading?.();
    this.buffer = [];
    this.unsettledItems.clear();
  }

  next(_afterSeq: number, limit: number): readonly QueuedItem[] {
    const taken = this.buffer.slice(0, limit);
    this.buffer = this.buffer.slice(taken.length);
    if (taken.length > 0 && this.buffer.length === 0) this.readSoon(0);
    return taken;
  }

  /** Reads new items at once, unless there are items in the buffer. */
  readNow(): void {
    if (this.buffer.length === 0) this.readSoon(0);
  }

  async deliver(seqs: readonly number[], nowMs: number): Promise<void> {
    await this.settle(seqs, '', nowMs);
  }

  async setAside(seq: number, reason: string, nowMs: number): Promise<void> {
    await this.settle([seq], reason, nowMs);
  }

  /** Keeps the results while Redis is away, so that settled items are not sent again. */
  private async settle(seqs: readonly number[], refusal: string, atMs: number): Promise<void> {
    const settlements = seqs.flatMap((seq) => {
      const item = this.unsettledItems.get(seq);
      this.unsettledItems.delete(seq);
      return item === undefined ? [] : [{ ...item, refusal, atMs }];
    });
    try {
      if (this.unsentResults.length > 0) throw new Error('earlier results are not stored in Redis yet');
      await this.parts.stream.settle(settlements);
      this.parts.onSettled();
    } catch (error) {
      this.unsentResults.push(...settlements);
      this.parts.onError(messageOf(error));
    }
  }

  private readSoon(afterMs: number): void {
    if (this.lease === '' || this.reading) return;
    this.cancelReading?.();
    this.cancelReading = this.parts.clock.after(afterMs, () => void this.read(this.lease));
  }

  private async read(lease: string): Promise<void> {
    this.reading = true;
    let found: StreamItem[] = [];
    let failure: unknown;
    try {
      found = await this.readMore(lease);
    } catch (error) {
      failure = error;
    }
    this.reading = false;
    // The lease has ended meanwhile. The next sender claims these items.
    if (lease !== this.lease) {
      this.readNow();
      return;
    }
    if (failure !== undefined) {
      this.parts.onError(messageOf(failure));
      return;
    }
    for (const item of found) {
      this.lastSeq += 1;
      this.unsettledItems.set(this.lastSeq, item);
      const { id, camera, storedMs, json } = item;
      this.buffer.push({ seq: this.lastSeq, id, camera, storedMs, json });
    }
    if (found.length > 0) this.parts.onArrived();
    else this.readSoon(this.claimFrom === '' ? READ_INTERVAL_MS : 0);
  }

  private async readMore(lease: string): Promise<StreamItem[]> {
    if (this.claimFrom === '') return await this.parts.stream.read(lease, READ_LIMIT);
    const { found, next } = await this.parts.stream.claim(lease, this.claimFrom);
    if (lease === this.lease) this.claimFrom = next;
    return found;
  }
}
