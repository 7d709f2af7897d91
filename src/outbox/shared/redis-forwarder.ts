import { randomUUID } from 'node:crypto';
import { AutoResetEvent } from '../../base/auto-reset-event.js';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { QueueDatabase } from '../queue-database.js';
import { StaleSession, type SharedStream } from './shared-stream.js';

export interface RedisForwarderParts {
  readonly queue: Pick<QueueDatabase, 'totals' | 'next' | 'share' | 'unshare' | 'shared' | 'settle'>;
  readonly stream: Pick<SharedStream, 'beginSession' | 'add' | 'settled' | 'forget' | 'lost'>;
  readonly clock: Clock;
  /** Called when items were added to the stream. */
  readonly onMoved: () => void;
}

/** Maximum number of items of this proxy in Redis. Redis has limited memory, and more items wait safely in the local database. */
const MAX_SHARED = 10_000;
const MOVE_LIMIT = 500;
const MAX_CHARACTERS = 1024 * 1024;
const SETTLE_LIMIT = 500;
const CHECK_LIMIT = 200;
/** How often results are queried while items of this proxy are in Redis. */
const POLL_MS = 200;
const IDLE_MS = 2000;
const RETRY_MS = 2000;
/** The retry delay after Redis was flushed. */
const RESTART_MS = 100;
/** How often the forwarder looks for lost items: an operator may have removed single entries. */
const CHECK_INTERVAL_MS = 60_000;

/**
 * Moves the items of this proxy from the local database to the stream in Redis that proxies share, and stores the
 * results. Items that Redis has lost are moved again. Crash-safe: an item stays in the local database until it is
 * settled, and is in the stream at most once.
 */
export class RedisForwarder {
  private readonly event: AutoResetEvent;
  /** '' = there is no session: the content of Redis must be compared with the database before items are added. */
  private session = '';
  private connected = false;
  private closed = false;
  private checkedMs = 0;
  private running: Promise<void> | undefined;
  private lastError = '';
  /** Results that are stored here but not yet removed from Redis. Storing them again would undo a requeue. */
  private readonly storedEntries = new Set<string>();

  constructor(private readonly parts: RedisForwarderParts) {
    this.event = new AutoResetEvent(parts.clock);
  }

  /** Why nothing can be moved; '' = no error since the last round. */
  get error(): string {
    return this.lastError;
  }

  start(): void {
    this.running = this.run();
  }

  connect(): void {
    this.connected = true;
    this.session = '';
    this.event.set();
  }

  disconnect(): void {
    this.connected = false;
  }

  /** Begins a round at once. Call this when there are items to move, or results to store. */
  wake(): void {
    this.event.set();
  }

  async stop(): Promise<void> {
    this.closed = true;
    this.event.set();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      let waitMs = IDLE_MS;
      try {
        if (this.connected) waitMs = await this.round();
        if (this.connected) this.lastError = '';
      } catch (error) {
        this.session = '';
        this.lastError = messageOf(error);
        waitMs = error instanceof StaleSession ? RESTART_MS : RETRY_MS;
      }
      if (waitMs > 0) await this.event.wait(waitMs);
    }
  }

  /** Returns the time until the next round, in milliseconds. */
  private async round(): Promise<number> {
    const { queue, clock } = this.parts;
    if (this.session === '') await this.beginSession();
    else if (clock.monotonicMs() - this.checkedMs > CHECK_INTERVAL_MS) await this.takeLostBack(this.session);
    const settled = await this.storeResults(this.session);
    const moved = await this.move(this.session);
    if (settled === SETTLE_LIMIT || (moved > 0 && queue.next(0, 1, 1).length > 0)) return 0;
    return queue.totals.shared > 0 ? POLL_MS : IDLE_MS;
  }

  /** Takes back lost items before new items are added, so that the order is kept. */
  private async beginSession(): Promise<void> {
    const session = randomUUID();
    await this.parts.stream.beginSession(session);
    while ((await this.storeResults(session)) === SETTLE_LIMIT);
    await this.takeLostBack(session);
    this.session = session;
  }

  private async takeLostBack(session: string): Promise<void> {
    const { queue, stream, clock } = this.parts;
    let after = 0;
    for (;;) {
      const page = queue.shared(after, CHECK_LIMIT);
      const lost = await stream.lost(
        session,
        page.map(({ id }) => id),
      );
      if (lost.length > 0) queue.unshare(lost);
      if (page.length < CHECK_LIMIT) break;
      after = page.at(-1)?.seq ?? 0;
    }
    this.checkedMs = clock.monotonicMs();
  }

  /** Returns the number of results. */
  private async storeResults(session: string): Promise<number> {
    const { queue, stream } = this.parts;
    const results = await stream.settled(session, SETTLE_LIMIT);
    if (results.length === 0) return 0;
    const unstored = results.filter(({ resultEntry }) => !this.storedEntries.has(resultEntry));
    if (unstored.length > 0) queue.settle(unstored);
    for (const { resultEntry } of unstored) this.storedEntries.add(resultEntry);
    await stream.forget(results);
    this.storedEntries.clear();
    return results.length;
  }

  /** Returns the number of moved items. */
  private async move(session: string): Promise<number> {
    const { queue, stream, onMoved } = this.parts;
    const limit = Math.min(MOVE_LIMIT, MAX_SHARED - queue.totals.shared);
    if (limit <= 0) return 0;
    const items = queue.next(0, limit, MAX_CHARACTERS);
    if (items.length === 0) return 0;
    await stream.add(session, items);
    queue.share(items.map(({ seq }) => seq));
    onMoved();
    return items.length;
  }
}
