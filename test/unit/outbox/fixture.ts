import type { OutboxData } from '../../../src/outbox/messages.js';
import type { OutboxNames } from '../../../src/outbox/outbox-names.js';
import type { NewItem } from '../../../src/outbox/item.js';

export const STORED_MS = 1_767_323_045_000;

export const NAMES: OutboxNames = {
  file: 'things.db',
  item: 'thing',
  items: 'things',
  endpointKey: 'thing.endpoint',
  timeoutKey: 'thing.timeout_ms',
  maxQueueKey: 'thing.max_queue',
  statusRoute: '/api/v1/things/status',
};

export const DATA: OutboxData = {
  names: NAMES,
  dataDir: '/nowhere',
  endpoint: 'http://127.0.0.1:1/',
  timeoutMs: 1000,
  mode: 'cloud',
  unackedLimit: 10,
  pollDurationMs: 10,
  maxBatchSize: 10,
  maxQueue: 10,
  keepMs: 1000,
  keys: { edgeKey: 'key', edgeSecret: 'secret' },
};

export function itemOf(number: number, changes: Partial<NewItem> = {}): NewItem {
  const id = `0190aaaa-0000-7000-8000-${String(number).padStart(12, '0')}`;
  const camera = changes.camera ?? 'yard';
  return {
    id,
    camera,
    type: 'moving',
    startMs: STORED_MS + number,
    storedMs: STORED_MS + number,
    json: JSON.stringify({ id, device_name: camera, custom_meta_1: String(number) }),
    ...changes,
  };
}
