import type { QueuedItem } from './item.js';

export interface SpecialRequest {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** With a gate, a client of the outbox can delay items, and send them in another form. */
export interface SendGate {
  /** Whether the item must not be sent yet. Later items of its camera wait behind it. */
  holds(item: Pick<QueuedItem, 'id' | 'storedMs'>): boolean;
  /** Whether the item is sent in a batch of its own. */
  standsAlone(item: Pick<QueuedItem, 'id'>): boolean;
  /** The request for a batch; undefined: the usual one. */
  requestOf(batch: readonly QueuedItem[]): Promise<SpecialRequest | undefined>;
  /** The endpoint was reached, but did not accept the batch. */
  failed(batch: readonly Pick<QueuedItem, 'id'>[]): void;
  /** The batch was delivered or set aside. */
  settled(batch: readonly Pick<QueuedItem, 'id'>[]): void;
}
