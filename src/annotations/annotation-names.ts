import type { OutboxNames } from '../outbox/outbox-names.js';

export const ANNOTATIONS_FILE = 'annotations.db';

export const ANNOTATION_NAMES: OutboxNames = {
  file: ANNOTATIONS_FILE,
  item: 'annotation',
  items: 'annotations',
  endpointKey: 'annotation.endpoint',
  timeoutKey: 'annotation.timeout_ms',
  maxQueueKey: 'annotation.max_queue',
  statusRoute: '/api/v1/annotations/status',
};
