import { createHash } from 'node:crypto';
import type { QueuedItem } from './item.js';

type Sent = Pick<QueuedItem, 'id' | 'json'>;

/** The body of a batch. The JSON of an item is stored with it, so every attempt sends the same bytes. */
export function batchBody(items: readonly Sent[]): Buffer {
  return Buffer.from(`{"data":[${items.map(({ json }) => json).join(',')}]}`);
}

/** Identifies a batch, so that a receiver can drop duplicates: equal for equal ids in equal order. */
export function batchId(items: readonly Sent[]): string {
  return createHash('sha256')
    .update(items.map(({ id }) => id).join('\n'))
    .digest('hex');
}
