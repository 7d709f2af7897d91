import { hostname } from 'node:os';

import { RedisBus, type RedisBusOptions } from '../redis-publisher/redis-bus.js';
import type { Config } from '../config/schema.js';

export type BusParts = Pick<RedisBusOptions, 'cameras' | 'clock' | 'logger'>;

/** What other programs see in Redis, as the configuration wants it; undefined: there is no Redis. */
export function openBus({ redis, title }: Config, parts: BusParts): RedisBus | undefined {
  if (redis.connection === '') return undefined;
  return new RedisBus({
    ...parts,
    redis: { connection: redis.connection, database: redis.database, password: redis.password },
    prefix: redis.prefix,
    proxyName: title === '' ? hostname() : title,
    publishFrames: redis.publish_frames,
    publishIntervalMs: redis.publish_interval_ms,
  });
}
