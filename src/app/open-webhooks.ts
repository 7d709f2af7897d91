import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EdgeKeys } from '../cloud/signature.js';
import type { Config } from '../config/schema.js';
import { QueuedWebhooks } from '../events/webhooks.js';
import type { OutboxData } from '../outbox/messages.js';
import type { OutboxNames } from '../outbox/outbox-names.js';
import { Outbox, type OutboxOptions } from '../outbox/outbox.js';

export interface WebhookParts extends Pick<OutboxOptions, 'logger' | 'clock'> {
  readonly dataDir: string;
  readonly keys: EdgeKeys;
}

const NAMES: OutboxNames = {
  file: 'webhooks.db',
  item: 'event',
  items: 'events',
  endpointKey: 'webhook.url',
  timeoutKey: 'webhook.timeout_ms',
  maxQueueKey: 'webhook.max_queue',
  statusRoute: '/api/v1/webhooks/status',
};
/** Short, because events are rare and urgent. */
const POLL_DURATION_MS = 100;
const MAX_BATCH_SIZE = 100;
const UNACKED_LIMIT = 1000;

/** Opens the webhooks with the settings of the configuration; undefined: webhook.url is empty. Throws failed_precondition. */
export async function openWebhooks(
  { webhook }: Config,
  { dataDir, keys, logger, clock }: WebhookParts,
): Promise<QueuedWebhooks | undefined> {
  if (webhook.url === '') return undefined;
  const folder = join(dataDir, 'webhooks');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const data: OutboxData = {
    names: NAMES,
    dataDir: folder,
    keys,
    mode: 'cloud',
    endpoint: webhook.url,
    timeoutMs: webhook.timeout_ms,
    unackedLimit: UNACKED_LIMIT,
    pollDurationMs: POLL_DURATION_MS,
    maxBatchSize: MAX_BATCH_SIZE,
    maxQueue: webhook.max_queue,
    keepMs: 0,
    retryRefused: true,
  };
  // Not the proxy's signal: events that occur while the proxy stops are stored, too.
  const stopping = new AbortController().signal;
  const queue = await Outbox.open({ data, logger, clock, stopping });
  return new QueuedWebhooks({ queue, url: webhook.url, events: webhook.events, clock, logger });
}
