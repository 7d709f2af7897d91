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

/** What happens here, for those who are told of it. */
export function openEvents({ annotation }: Config, parts: EventParts): ProxyEvents {
  const { cameras, recordings, passthrough, annotations, webhooks, redisPublisher: bus, clock, logger } = parts;
  const events = new ProxyEvents({
    cameras,
    clock,
    logger,
    ofCamera: [(name) => recordingCondition(name, recordings), (name) => passthroughCondition(name, passthrough)],
    ofProxy: [
      () => annotationCondition(annotations, annotation.max_queue),
      ...(webhooks === undefined ? [] : [() => webhookCondition(webhooks)]),
      ...(bus === undefined ? [] : [() => bus.condition()]),
    ],
  });
  events.on((event) => {
    webhooks?.tell(event);
    bus?.publishEvent(event);
  });
  return events;
}
