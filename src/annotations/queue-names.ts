/** What a queue of things to be sent is called, in its files and for people. */
export interface QueueNames {
  /** Of its database, in the folder it is given. */
  readonly file: string;
  /** One of what it holds, and several. */
  readonly item: string;
  readonly items: string;
  /** Configuration keys: of the address they go to, of the limit of time, and of how many may wait. */
  readonly endpointKey: string;
  readonly timeoutKey: string;
  readonly maxQueueKey: string;
  /** The REST route that tells how it fares. */
  readonly statusRoute: string;
}

export const ANNOTATION_NAMES: QueueNames = {
  file: 'annotations.db',
  item: 'annotation',
  items: 'annotations',
  endpointKey: 'annotation.endpoint',
  timeoutKey: 'annotation.timeout_ms',
  maxQueueKey: 'annotation.max_queue',
  statusRoute: '/api/v1/annotations/status',
};
