import type { RedisClient } from '../redis/redis-link.js';
import type { EventFields } from './messages.js';
import type { PublisherStatus } from './types.js';

/** Maximum number of events that wait while Redis is away. Beyond it, the oldest are dropped and counted as lost. */
const MAX_WAITING = 1000;
const MAX_BATCH = 100;
/** Approximate number of events that Redis keeps in the stream. */
const MAX_STORED = 10_000;

/**
 * Writes events into a Redis stream, in order. An event can be stored twice, with the same id, when the connection is lost
 * before Redis has answered. Publisher thread.
 */
export class EventQueue {
  private waiting: EventFields[] = [];
  private sending = false;
  private stored = 0;
  private lost = 0;

  constructor(private readonly key: string) {}

  get counts(): PublisherStatus['events'] {
    return { stored: this.stored, waiting: this.waiting.length, lost: this.lost };
  }

  add(event: EventFields): void {
    this.waiting.push(event);
    if (this.waiting.length <= MAX_WAITING) return;
    this.waiting.shift();
    this.lost += 1;
  }

  /** Sends the waiting events. Throws the error of Redis; events that it did not store remain in the queue. */
  async flush(client: RedisClient): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      while (this.waiting.length > 0) {
        const batch = this.waiting.slice(0, MAX_BATCH);
        const transaction = client.multi();
        for (const event of batch) {
          transaction.xAdd(this.key, '*', event, {
            TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: MAX_STORED },
          });
        }
        await transaction.exec();
        const done = new Set(batch);
        this.waiting = this.waiting.filter((event) => !done.has(event));
        this.stored += batch.length;
      }
    } finally {
      this.sending = false;
    }
  }
}
