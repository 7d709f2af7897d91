import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { QueueNames } from '../annotations/queue-names.js';
import { StoredAnnotations, type StoredAnnotationsOptions } from '../annotations/stored-annotations.js';
import type { Config } from '../config/schema.js';
import { QueuedWebhooks } from '../events/webhooks.js';

export type WebhookParts = Pick<StoredAnnotationsOptions, 'dataDir' | 'keys' | 'logger' | 'clock'>;

const NAMES: QueueNames = {
  file: 'webhooks.db',
  item: 'event',
  items: 'events',
  endpointKey: 'webhook.url',
  timeoutKey: 'webhook.timeout_ms',
  maxQueueKey: 'webhook.max_queue',
  statusRoute: '/api/v1/webhooks/status',
};
/** Events are rare, and somebody wants to know them at once. */
const POLL_DURATION_MS = 100;
const MAX_BATCH_SIZE = 100;
const UNACKED_LIMIT = 1000;

/** What posts events to the operator's URL, with a queue like that of annotations; undefined: there is none. Throws failed_precondition. */
export async function openWebhooks({ webhook }: Config, parts: WebhookParts): Promise<QueuedWebhooks | undefined> {
  if (webhook.url === '') return undefined;
  // A folder of its own: whatever else an annotation has beside it must not be mixed up with that of events.
  const dataDir = join(parts.dataDir, 'webhooks');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const queue = await StoredAnnotations.open({
    ...parts,
    dataDir,
    // Not that of the proxy: what happens while it stops is kept, too.
    stopping: new AbortController().signal,
    names: NAMES,
    retryRefused: true,
    mode: 'cloud',
    endpoint: webhook.url,
    timeoutMs: webhook.timeout_ms,
    unackedLimit: UNACKED_LIMIT,
    pollDurationMs: POLL_DURATION_MS,
    maxBatchSize: MAX_BATCH_SIZE,
    maxQueue: webhook.max_queue,
    keepMs: 0,
    sendEvidence: false,
    evidenceMaxBytes: 0,
  });
  return new QueuedWebhooks({ ...parts, queue, url: webhook.url, events: webhook.events });
}
