import type { ItemPosition, ShownItem } from './item.js';

/** cloud: items are sent. local: items are stored and never sent. */
export type OutboxMode = 'cloud' | 'local';

/** The queue in Redis that proxies share. */
export interface SharedQueueOptions {
  /** "host:port", an IPv6 address in brackets. */
  readonly connection: string;
  readonly database: number;
  /** '' = none. */
  readonly password: string;
  /** Shown by CLIENT LIST. */
  readonly clientName: string;
  /** The Redis key of the stream. The other keys begin with it. */
  readonly key: string;
}

export interface SharedQueueStatus {
  readonly connected: boolean;
  /** Why the shared queue cannot be used, as a sentence; '' = it can be used. */
  readonly message: string;
  /** Waiting items of this proxy that are in the shared queue. */
  readonly shared: number;
  /** Which proxy sends; 'none' also when this is unknown. */
  readonly sender: 'this' | 'other' | 'none';
}

export interface OutboxStatus {
  readonly mode: OutboxMode;
  /** Items that wait or are being sent. */
  readonly queued: number;
  readonly inFlight: number;
  /** Items that were delivered since the database was created. */
  readonly delivered: number;
  readonly setAside: number;
  /** Delivered and local items that can still be queried. */
  readonly kept: number;
  /** Age of the oldest queued item; undefined: none is queued. */
  readonly oldestAgeMs: number | undefined;
  /** Why nothing is being sent, as a sentence; '' = items are being sent. */
  readonly paused: string;
  /** The last error, as a sentence, and when it occurred, milliseconds since the epoch; '' and 0 = there was none. */
  readonly lastError: string;
  readonly lastErrorMs: number;
  /** When the next attempt is made, milliseconds since the epoch; 0 = no retry is due. */
  readonly nextAttemptMs: number;
  /** Undefined: the queue is not shared. */
  readonly redis?: SharedQueueStatus | undefined;
}

/** Times are compared with `startMs`: milliseconds since the epoch, inclusive. */
export interface ItemQuery {
  /** Undefined: all cameras. */
  readonly camera: string | undefined;
  /** Undefined: all types. */
  readonly type: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  /** `next` of the previous page. */
  readonly after: ItemPosition | undefined;
  readonly limit: number;
}

export interface ItemPage<Item extends ShownItem = ShownItem> {
  readonly items: readonly Item[];
  /** Where the next page begins; undefined: this page is the last. A page with `next` may have fewer items than its limit. */
  readonly next: ItemPosition | undefined;
}

/** requeue: send the items again, after all that wait. discard: delete them. */
export type RefusedAction = 'requeue' | 'discard';

/** The call that stores an item. */
export interface StoreCall {
  /** Whether the caller no longer waits for the answer. */
  readonly isGone: () => boolean;
}
