import { createHash } from 'node:crypto';
import type { QueuedAnnotation } from '../database/annotation.js';

type Sent = Pick<QueuedAnnotation, 'id' | 'json'>;

/** The body of a batch. Its texts were made when the annotations were taken, so every attempt sends the same bytes. */
export function batchBody(annotations: readonly Sent[]): Buffer {
  return Buffer.from(`{"data":[${annotations.map(({ json }) => json).join(',')}]}`);
}

/** Names a batch by its annotations, for a receiver that drops duplicates: equal for equal ids in equal order. */
export function batchId(annotations: readonly Sent[]): string {
  return createHash('sha256')
    .update(annotations.map(({ id }) => id).join('\n'))
    .digest('hex');
}
