import type { Annotations } from '../annotations/types.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { RedisPublisher } from '../redis-publisher/redis-publisher.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Config } from '../config/schema.js';
import {
  annotationCondition,
  passthroughCondition,
  recordingCondition,
  webhookCondition,
} from '../events/conditions.js';
import { ProxyEvents } from '../events/proxy-events.js';
import type { QueuedWebhooks } from '../events/webhooks.js';
import type { Passthrough } from '../passthrough/types.js';
import type { Recordings } from '../recording/types.js';

export interface EventParts {
  readonly cameras: Supervisor;
  readonly recordings: Pick<Recordings, 'status'>;
  readonly passthrough: Pick<Passthrough, 'status'>;
  readonly annotations: Pick<Annotations, 'status'>;
  readonly webhooks: QueuedWebhooks | undefined;
  readonly redisPublisher: RedisPublisher | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Opens the events of the proxy, and passes them to the webhooks and to Redis. */
export function openEvents({ annotation }: Config, parts: EventParts): ProxyEvents {
  const { cameras, recordings, passthrough, annotations, webhooks, redisPublisher, clock, logger } = parts;
  const events = new ProxyEvents({
    cameras,
    clock,
    logger,
    cameraConditions: [
      (name) => recordingCondition(name, recordings),
      (name) => passthroughCondition(name, passthrough),
    ],
    proxyConditions: [
      () => annotationCondition(annotations, annotation.max_queue),
      ...(webhooks === undefined ? [] : [() => webhookCondition(webhooks)]),
      ...(redisPublisher === undefined ? [] : [() => redisPublisher.condition()]),
    ],
  });
  events.on((event) => {
    webhooks?.onEvent(event);
    redisPublisher?.publishEvent(event);
  });
  return events;
}
