import type { Clock } from '../base/clock.js';
import type { RedisClient } from '../redis/redis-link.js';
import { keyframesOnlyKey, LAST_QUERY, lastAccessKey } from './keys.js';
import type { Asked } from './types.js';

/** As long as the original goes on after a program's last query. */
const ASKED_MS = 10_000;

interface Watched {
  readonly camera: string;
  /** As it was seen last; undefined: not seen yet, null: there was none. */
  lastQuery: string | null | undefined;
  asked: Asked;
  /** Clock.monotonicMs. */
  untilMs: number;
}

/**
 * Looks for what programs ask for by the keys of the original. Bus worker. That `last_query` changes counts, and not how
 * old it is, so that the clock of its writer does not matter.
 */
export class DemandWatch {
  private readonly cameras = new Map<number, Watched>();

  constructor(
    private readonly clock: Clock,
    /** Programs ask for that, now (again). */
    private readonly onAsked: (id: number, asked: Asked) => void,
  ) {}

  add(id: number, camera: string): void {
    this.cameras.set(id, { camera, lastQuery: undefined, asked: 'nothing', untilMs: 0 });
  }

  remove(id: number): void {
    this.cameras.delete(id);
  }

  /** Throws nothing: a key that cannot be read says nothing. */
  async look(client: RedisClient): Promise<void> {
    const asking = [...this.cameras].map(async ([id, watched]) => {
      const [lastQuery, keyframesOnly] = await Promise.allSettled([
        client.hGet(lastAccessKey(watched.camera), LAST_QUERY),
        client.get(keyframesOnlyKey(watched.camera)),
      ]);
      if (lastQuery.status === 'rejected' || !this.cameras.has(id)) return;
      const isKeyframes = keyframesOnly.status === 'fulfilled' && keyframesOnly.value?.toLowerCase() === 'true';
      this.saw(id, watched, lastQuery.value, isKeyframes ? 'keyframes' : 'all');
    });
    await Promise.all(asking);
  }

  /** What was not asked for again in time is asked for no longer. */
  expire(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [id, watched] of this.cameras) {
      if (watched.asked !== 'nothing' && nowMs >= watched.untilMs) this.setAsked(id, watched, 'nothing');
    }
  }

  private saw(id: number, watched: Watched, lastQuery: string | null, asked: Asked): void {
    const before = watched.lastQuery;
    watched.lastQuery = lastQuery;
    if (lastQuery !== null && /^\d{1,16}$/.test(lastQuery) && this.isNews(before, lastQuery)) {
      watched.untilMs = this.clock.monotonicMs() + ASKED_MS;
      this.setAsked(id, watched, asked);
    } else if (watched.asked !== 'nothing' && watched.asked !== asked) {
      this.setAsked(id, watched, asked);
    }
  }

  /** Of what was there from the beginning, only the clock tells whether somebody still waits. */
  private isNews(before: string | null | undefined, lastQuery: string): boolean {
    if (before === undefined) return Math.abs(this.clock.nowMs() - Number(lastQuery)) < ASKED_MS;
    return lastQuery !== before;
  }

  private setAsked(id: number, watched: Watched, asked: Asked): void {
    watched.asked = asked;
    this.onAsked(id, asked);
  }
}
