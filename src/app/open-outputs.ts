import { StorageSwitch } from '../cloud-storage/storage-switch.js';
import type { ProxyEvents } from '../events/proxy-events.js';
import type { QueuedWebhooks } from '../events/webhooks.js';
import { Passthroughs } from '../passthrough/passthroughs.js';
import type { RedisPublisher } from '../redis-publisher/redis-publisher.js';
import type { Closers } from './closers.js';
import type { Base } from './open-base.js';
import { endProcessAtExit, type CameraParts } from './open-cameras.js';
import { openEvents } from './open-events.js';
import { openRedisPublisher } from './open-redis-publisher.js';
import { openWebhooks } from './open-webhooks.js';

/** The parts that send to other systems. Undefined: the part is not configured. */
export interface OutputParts {
  readonly webhooks: QueuedWebhooks | undefined;
  readonly redisPublisher: RedisPublisher | undefined;
  readonly passthrough: Passthroughs;
  readonly events: ProxyEvents;
  readonly storage: StorageSwitch;
}

/** Opens the parts that send to other systems. Events start later. Throws failed_precondition. */
export async function openOutputs(base: Base, parts: CameraParts, closers: Closers): Promise<OutputParts> {
  const { config, dataDir, store, clock, logger } = base;
  const { cameras } = parts;
  const webhooks = await openWebhooks(config, { dataDir, clock, logger, keys: store.settings.get() });
  closers.add(() => webhooks?.stop());

  const redisPublisher = openRedisPublisher(config, { cameras, clock, logger });
  const passthrough = new Passthroughs({ cameras, clock, logger });
  closers.add(async () => {
    if (!(await passthrough.stop())) endProcessAtExit(base);
  });
  const events = openEvents(config, { ...parts, passthrough, webhooks, redisPublisher, clock, logger });
  closers.add(async () => {
    events.close();
    await redisPublisher?.stop();
  });
  redisPublisher?.start();

  const apiEndpoint = config.api.endpoint;
  const storage = new StorageSwitch({ cameras, apiEndpoint, keys: store.settings.get(), clock, logger });
  closers.add(() => {
    storage.stop();
  });
  return { webhooks, redisPublisher, passthrough, events, storage };
}
