import type { QueuedItem } from './item.js';
import type { SendGate } from './send-gate.js';

export interface WaitingItem extends QueuedItem {
  /** When the item is sent although its batch is not full; monotonic milliseconds. */
  readonly dueMs: number;
}

interface CameraQueue {
  /** In sending order. */
  waiting: WaitingItem[];
  /** Whether a batch with items of this camera is being sent: no item may overtake it. */
  isBusy: boolean;
}

/**
 * The items that are sent next: the first part of the queue, sorted into one queue per camera. A batch with items of one
 * camera does not block batches of other cameras.
 */
export class PerCameraQueues {
  private readonly queues = new Map<string, CameraQueue>();
  private count = 0;
  private length = 0;
  private sending = 0;

  constructor(private readonly gate?: Pick<SendGate, 'holds' | 'standsAlone'>) {}

  /** Number of items that wait or are being sent. */
  get size(): number {
    return this.count;
  }

  /** Length of the JSON of these items. */
  get characters(): number {
    return this.length;
  }

  get inFlight(): number {
    return this.sending;
  }

  add(items: readonly WaitingItem[]): void {
    for (const item of items) {
      const queue = this.queues.get(item.camera);
      if (queue === undefined) this.queues.set(item.camera, { waiting: [item], isBusy: false });
      else queue.waiting.push(item);
    }
    this.count += items.length;
    this.length += charactersOf(items);
  }

  /** Number of items in queues that are free, including items behind one that the gate holds. */
  get ready(): number {
    return this.free().reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** When the first item of a free queue is due, monotonic milliseconds; undefined: no queue is free. */
  get nextDueMs(): number | undefined {
    const dues = this.free().flatMap(({ waiting: [first] }) => (first === undefined ? [] : [first.dueMs]));
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** Takes a batch of up to `maxItems` and `maxBytes`, but at least one item when one is ready. */
  take(maxItems: number, maxBytes: number): WaitingItem[] {
    const batch: WaitingItem[] = [];
    let limit = maxItems;
    let bytes = 0;
    for (const queue of this.free()) {
      let taken = 0;
      for (const item of queue.waiting) {
        bytes += Buffer.byteLength(item.json) + 1;
        if (batch.length >= limit || (batch.length > 0 && bytes > maxBytes)) break;
        const isAlone = this.gate?.standsAlone(item) === true;
        if (this.gate?.holds(item) === true || (isAlone && batch.length > 0)) break;
        batch.push(item);
        taken += 1;
        if (isAlone) limit = 1;
      }
      if (taken > 0) {
        queue.waiting = queue.waiting.slice(taken);
        queue.isBusy = true;
      }
      if (taken === 0 || queue.waiting.length > 0) break;
    }
    this.sending += batch.length;
    return batch.sort((one, other) => one.seq - other.seq);
  }

  /** Ends a batch. Its items in `unsettled` are put back to the front of their queues. */
  finish(batch: readonly WaitingItem[], unsettled: readonly WaitingItem[]): void {
    this.sending -= batch.length;
    this.count -= batch.length - unsettled.length;
    this.length -= charactersOf(batch) - charactersOf(unsettled);
    for (const camera of new Set(batch.map((item) => item.camera))) {
      const queue = this.queues.get(camera);
      if (queue === undefined) continue;
      queue.isBusy = false;
      const retried = unsettled.filter((item) => item.camera === camera);
      queue.waiting = [...retried, ...queue.waiting];
      // A queue that failed moves behind the others, so that other cameras are tried, too.
      if (retried.length > 0 || queue.waiting.length === 0) this.queues.delete(camera);
      if (retried.length > 0) this.queues.set(camera, queue);
    }
  }

  private free(): CameraQueue[] {
    return [...this.queues.values()].filter(({ isBusy, waiting: [first] }) => !isBusy && !this.isHeld(first));
  }

  private isHeld(first: WaitingItem | undefined): boolean {
    return first !== undefined && this.gate?.holds(first) === true;
  }
}

function charactersOf(items: readonly WaitingItem[]): number {
  return items.reduce((sum, { json }) => sum + json.length, 0);
}
