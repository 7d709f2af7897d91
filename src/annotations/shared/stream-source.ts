import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { QueuedAnnotation } from '../../database/annotation.js';
import type { SenderQueue } from '../sender.js';
import type { SharedStream, StreamAnnotation, StreamSettlement } from './shared-stream.js';

export interface StreamSourceParts {
  readonly stream: Pick<SharedStream, 'claim' | 'read' | 'settle'>;
  readonly clock: Clock;
  /** There is something to send. */
  readonly onArrived: () => void;
  /** Some are settled: their origin may be this proxy. */
  readonly onSettled: () => void;
  /** The lease is not to be relied upon any more. */
  readonly onTrouble: (why: string) => void;
}

/** Read at a time, before the sender has room for them. */
const READ_AT_ONCE = 200;
const READ_AGAIN_MS = 200;

/** The queue that proxies share, as the sender of the proxy that holds the lease sees it. */
export class StreamSource implements SenderQueue {
  /** Read, and not taken by the sender. */
  private buffer: QueuedAnnotation[] = [];
  /** Taken or read, and not settled: by the number that the sender knows each by. */
  private readonly known = new Map<number, StreamAnnotation>();
  /** Known here to be settled, and not in Redis; no more than were on their way when it failed. */
  private unsettled: StreamSettlement[] = [];
  private lease = '';
  /** Where the claim of what others left goes on; '' = all of it is claimed. */
  private claimFrom = '';
  private lastSeq = 0;
  private reading = false;
  private cancelReading: (() => void) | undefined;

  constructor(private readonly parts: StreamSourceParts) {}

  /** From now on under this lease: first what an earlier sender has left, so that each camera's order is kept. */
  async begin(lease: string): Promise<void> {
    for (const settlement of this.unsettled) await this.parts.stream.settle([settlement]);
    this.unsettled = [];
    this.lease = lease;
    this.claimFrom = '0-0';
    this.readSoon(0);
  }

  /** Forgets what was read. */
  end(): void {
    this.lease = '';
    this.cancelReading?.();
    this.buffer = [];
    this.known.clear();
  }

  next(_afterSeq: number, limit: number): readonly QueuedAnnotation[] {
    const taken = this.buffer.slice(0, limit);
    this.buffer = this.buffer.slice(taken.length);
    if (taken.length > 0 && this.buffer.length === 0) this.readSoon(0);
    return taken;
  }

  /** There may be new ones. */
  look(): void {
    if (this.buffer.length === 0) this.readSoon(0);
  }

  async deliver(seqs: readonly number[], nowMs: number): Promise<void> {
    await this.settle(seqs, '', nowMs);
  }

  async setAside(seq: number, reason: string, nowMs: number): Promise<void> {
    await this.settle([seq], reason, nowMs);
  }

  /** What the endpoint took or refused is not sent again because Redis is away: it is noted when it is back. */
  private async settle(seqs: readonly number[], refusal: string, atMs: number): Promise<void> {
    const settlements = seqs.flatMap((seq) => {
      const annotation = this.known.get(seq);
      this.known.delete(seq);
      return annotation === undefined ? [] : [{ ...annotation, refusal, atMs }];
    });
    try {
      if (this.unsettled.length > 0) throw new Error('what was settled before is not noted yet');
      await this.parts.stream.settle(settlements);
      this.parts.onSettled();
    } catch (error) {
      this.unsettled.push(...settlements);
      this.parts.onTrouble(messageOf(error));
    }
  }

  private readSoon(afterMs: number): void {
    if (this.lease === '' || this.reading) return;
    this.cancelReading?.();
    this.cancelReading = this.parts.clock.after(afterMs, () => void this.read(this.lease));
  }

  private async read(lease: string): Promise<void> {
    this.reading = true;
    let found: StreamAnnotation[] = [];
    let trouble: unknown;
    try {
      found = await this.readMore(lease);
    } catch (error) {
      trouble = error;
    }
    this.reading = false;
    // The lease that it was read under has ended meanwhile; whoever has one claims them.
    if (lease !== this.lease) {
      this.look();
      return;
    }
    if (trouble !== undefined) {
      this.parts.onTrouble(messageOf(trouble));
      return;
    }
    for (const annotation of found) {
      this.lastSeq += 1;
      this.known.set(this.lastSeq, annotation);
      const { id, camera, storedMs, json } = annotation;
      this.buffer.push({ seq: this.lastSeq, id, camera, storedMs, json });
    }
    if (found.length > 0) this.parts.onArrived();
    else this.readSoon(this.claimFrom === '' ? READ_AGAIN_MS : 0);
  }

  private async readMore(lease: string): Promise<StreamAnnotation[]> {
    if (this.claimFrom === '') return await this.parts.stream.read(lease, READ_AT_ONCE);
    const { found, next } = await this.parts.stream.claim(lease, this.claimFrom);
    if (lease === this.lease) this.claimFrom = next;
    return found;
  }
}
