import type { Clock } from '../base/clock.js';
import type { RedisClient } from '../redis/redis-link.js';
import { keyframesOnlyKey, LAST_QUERY, lastAccessKey } from './keys.js';
import type { RequestedFrames } from './types.js';

/** How long a request lasts after the last query, as in the original. */
const REQUEST_MS = 10_000;

interface Watched {
  readonly camera: string;
  /** The value that was read last. Undefined: not read yet. Null: there was none. */
  lastQuery: string | null | undefined;
  requested: RequestedFrames;
  /** Clock.monotonicMs at which the request expires. */
  untilMs: number;
}

/**
 * Notices which frames programs request through the keys of the original. A program requests frames by changing
 * `last_query`. The age of its value does not matter, so the clocks of programs may be wrong. Publisher thread.
 */
export class RequestWatch {
  private readonly cameras = new Map<number, Watched>();

  constructor(
    private readonly clock: Clock,
    /** Called at each request, also when a program requests the same again, and when a request expires. */
    private readonly onRequest: (id: number, requested: RequestedFrames) => void,
  ) {}

  add(id: number, camera: string): void {
    this.cameras.set(id, { camera, lastQuery: undefined, requested: 'nothing', untilMs: 0 });
  }

  remove(id: number): void {
    this.cameras.delete(id);
  }

  /** Reads the keys of all cameras. Never throws: a key that cannot be read counts as unchanged. */
  async poll(client: RedisClient): Promise<void> {
    await Promise.all(
      [...this.cameras].map(async ([id, watched]) => {
        await this.pollCamera(client, id, watched);
      }),
    );
  }

  /** Ends requests that were not repeated in time. */
  expire(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [id, watched] of this.cameras) {
      if (watched.requested !== 'nothing' && nowMs >= watched.untilMs) this.set(id, watched, 'nothing');
    }
  }

  private async pollCamera(client: RedisClient, id: number, watched: Watched): Promise<void> {
    const [lastQuery, keyframesOnly] = await Promise.allSettled([
      client.hGet(lastAccessKey(watched.camera), LAST_QUERY),
      client.get(keyframesOnlyKey(watched.camera)),
    ]);
    if (lastQuery.status === 'rejected' || !this.cameras.has(id)) return;
    const isKeyframes = keyframesOnly.status === 'fulfilled' && keyframesOnly.value?.toLowerCase() === 'true';
    this.onQuery(id, watched, lastQuery.value, isKeyframes ? 'keyframes' : 'all');
  }

  private onQuery(id: number, watched: Watched, lastQuery: string | null, requested: RequestedFrames): void {
    const before = watched.lastQuery;
    watched.lastQuery = lastQuery;
    if (lastQuery !== null && /^\d{1,16}$/.test(lastQuery) && this.isNew(before, lastQuery)) {
      watched.untilMs = this.clock.monotonicMs() + REQUEST_MS;
      this.set(id, watched, requested);
    } else if (watched.requested !== 'nothing' && watched.requested !== requested) {
      this.set(id, watched, requested);
    }
  }

  /** The first value that is read has no earlier value to compare with, so it must be recent. */
  private isNew(before: string | null | undefined, lastQuery: string): boolean {
    if (before === undefined) return Math.abs(this.clock.nowMs() - Number(lastQuery)) < REQUEST_MS;
    return lastQuery !== before;
  }

  private set(id: number, watched: Watched, requested: RequestedFrames): void {
    watched.requested = requested;
    this.onRequest(id, requested);
  }
}
