import { Router } from 'express';
import type { Publisher, PublisherStatus } from '../../redis-publisher/types.js';
import { onlyMethods } from '../http/answers.js';

export interface RedisParts {
  /** Undefined: there is no Redis. */
  readonly redisPublisher: Publisher | undefined;
}

/** What goes to Redis. `base` is where the interface begins. */
export function redisRoutes(base: string, { redisPublisher }: RedisParts): Router {
  const router = Router({ caseSensitive: true });
  router
    .route(`${base}/redis/status`)
    .get((_req, res) => void res.json(statusAnswer(redisPublisher?.status() ?? NO_REDIS)))
    .all(onlyMethods('GET'));
  return router;
}

const NO_REDIS: PublisherStatus = {
  connected: false,
  connection: '',
  database: 0,
  sinceMs: 0,
  message: 'There is no Redis, because redis.connection is empty.',
  publishFrames: 'off',
  cameras: [],
  events: { stored: 0, waiting: 0, lost: 0 },
};

/** Times are milliseconds since the epoch; null = there is none. */
function statusAnswer(status: PublisherStatus) {
  return {
    connected: status.connected,
    connection: status.connection === '' ? null : status.connection,
    database: status.database,
    since: status.sinceMs === 0 ? null : status.sinceMs,
    message: status.message === '' ? null : status.message,
    publish_frames: status.publishFrames,
    cameras: status.cameras.map(({ camera, publishing, requested, published, dropped, message }) => ({
      camera,
      publishing,
      asked: requested === 'nothing' ? null : requested,
      published,
      dropped,
      message: message === '' ? null : message,
    })),
    events: status.events,
  };
}

export type RedisStatusAnswer = ReturnType<typeof statusAnswer>;
