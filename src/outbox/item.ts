/** queued: waits to be sent. set_aside: the receiver refused it. local: is stored here and never sent. */
export type ItemState = 'queued' | 'delivered' | 'set_aside' | 'local';

/** An item that is to be stored. */
export interface NewItem {
  /** Unique; every attempt to send the item repeats it. */
  readonly id: string;
  /** Items of one camera are sent in order. Items with '' have a queue of their own. */
  readonly camera: string;
  readonly type: string;
  /** Start of the event that the item reports, milliseconds since the epoch. */
  readonly startMs: number;
  /** When the item was accepted, milliseconds since the epoch. */
  readonly storedMs: number;
  /** The JSON that is sent. */
  readonly json: string;
}

/** An item that is to be sent. */
export interface QueuedItem {
  /** Grows in the order in which items are sent. */
  readonly seq: number;
  readonly id: string;
  readonly camera: string;
  readonly storedMs: number;
  readonly json: string;
}

/** An item that is in the shared queue. */
export type SharedItem = Pick<QueuedItem, 'seq' | 'id'>;

/** The result of sending an item from the shared queue. */
export interface SettledItem {
  readonly id: string;
  /** Why the item was set aside; undefined: it was delivered. */
  readonly refusal: string | undefined;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** An item as users see it. */
export interface ShownItem extends NewItem {
  readonly seq: number;
  readonly state: ItemState;
  /** When the item was delivered or set aside, milliseconds since the epoch; 0 = neither. */
  readonly doneMs: number;
  /** Why the item was set aside; '' = it was not. */
  readonly reason: string;
}

export interface QueueTotals {
  /** Items that wait, including those in the shared queue. */
  readonly queued: number;
  readonly setAside: number;
  /** Delivered and local items that are still stored. */
  readonly kept: number;
  /** Items that were delivered since the database was created. */
  readonly delivered: number;
  /** Waiting items that are in the shared queue. */
  readonly shared: number;
}

/** A position in the order by `startMs`. */
export interface ItemPosition {
  readonly startMs: number;
  readonly seq: number;
}
