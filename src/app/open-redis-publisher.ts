import { hostname } from 'node:os';

import type { Config } from '../config/schema.js';
import { RedisPublisher, type RedisPublisherOptions } from '../redis-publisher/redis-publisher.js';

export type RedisPublisherParts = Pick<RedisPublisherOptions, 'cameras' | 'clock' | 'logger'>;

/** Opens the Redis publisher as configured. Undefined: Redis is not configured. */
export function openRedisPublisher({ redis, title }: Config, parts: RedisPublisherParts): RedisPublisher | undefined {
  if (redis.connection === '') return undefined;
  return new RedisPublisher({
    ...parts,
    redis: { connection: redis.connection, database: redis.database, password: redis.password },
    prefix: redis.prefix,
    proxyName: title === '' ? hostname() : title,
    publishFrames: redis.publish_frames,
    publishIntervalMs: redis.publish_interval_ms,
  });
}
