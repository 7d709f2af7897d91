import type { RedisClient } from '../redis/redis-link.js';
import type { EventFields } from './messages.js';
import type { BusStatus } from './types.js';

/** While Redis is away; the oldest are lost beyond that. */
const MAX_WAITING = 1000;
const MAX_AT_A_TIME = 100;
/** Redis keeps about so many. */
const MAX_STORED = 10_000;

/**
 * Events on their way into a stream, in order. One may get there twice, under the same id, when the connection is lost
 * before its answer. Bus worker.
 */
export class EventOutbox {
  private waiting: EventFields[] = [];
  private sending = false;
  private stored = 0;
  private lost = 0;

  constructor(private readonly key: string) {}

  get counts(): BusStatus['events'] {
    return { stored: this.stored, waiting: this.waiting.length, lost: this.lost };
  }

  add(event: EventFields): void {
    this.waiting.push(event);
    if (this.waiting.length <= MAX_WAITING) return;
    this.waiting.shift();
    this.lost += 1;
  }

  /** Sends what waits. What cannot be sent goes on waiting; throws what Redis says then. */
  async flush(client: RedisClient): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      while (this.waiting.length > 0) {
        const batch = this.waiting.slice(0, MAX_AT_A_TIME);
        const all = client.multi();
        for (const event of batch) {
          all.xAdd(this.key, '*', event, {
            TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: MAX_STORED },
          });
        }
        await all.exec();
        const done = new Set(batch);
        this.waiting = this.waiting.filter((event) => !done.has(event));
        this.stored += batch.length;
      }
    } finally {
      this.sending = false;
    }
  }
}
