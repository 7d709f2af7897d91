import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { NewItem } from './item.js';
import type { OutboxNames } from './outbox-names.js';
import type { StoreCall } from './types.js';

export interface StoreQueueParts<Item extends NewItem> {
  readonly names: OutboxNames;
  readonly clock: Clock;
  /** Stores items in one transaction; `onStored` must be called with the result. */
  readonly send: (items: readonly Item[]) => void;
}

interface Caller<Item extends NewItem> {
  readonly item: Item;
  readonly call: StoreCall;
  resolve(id: string): void;
  reject(error: ChrysError): void;
}

/** Limits of one transaction; later items wait for the next one. */
const MAX_TRANSACTION_ITEMS = 1000;
const MAX_TRANSACTION_CHARACTERS = 4 * 1024 * 1024;
/** Limits of the items that wait for a transaction; further calls are refused. */
const MAX_WAITING = 10_000;
const MAX_WAITING_CHARACTERS = 64 * 1024 * 1024;
/** Timeout of a transaction. */
const STORE_TIMEOUT_MS = 30_000;

/**
 * The calls that wait for the disk. Calls that arrive while a transaction runs are stored together by the next one. Main
 * thread.
 */
export class StoreQueue<Item extends NewItem> {
  private waiting: Caller<Item>[] = [];
  private waitingCharacters = 0;
  /** The callers of the running transaction. */
  private storing: readonly Caller<Item>[] = [];
  private storingSinceMs = 0;
  private cancelTimeout: (() => void) | undefined;
  private isScheduled = false;

  constructor(private readonly parts: StoreQueueParts<Item>) {}

  /** Resolves with the item's id when the item is durable. Rejects with a ChrysError. */
  add(item: Item, call: StoreCall): Promise<string> {
    return new Promise((resolve, reject) => {
      this.checkRoom();
      this.waiting.push({ item, call, resolve, reject });
      this.waitingCharacters += item.json.length;
      this.schedule();
    });
  }

  /** Ends the running transaction: its first `count` items are durable, the others failed with `error`. */
  onStored(count: number, error: ChrysError | undefined): void {
    const callers = this.storing;
    this.storing = [];
    this.cancelTimeout?.();
    this.send();
    for (const caller of callers.slice(0, count)) caller.resolve(caller.item.id);
    if (error !== undefined) reject(callers.slice(count), error);
  }

  /** Ends all calls with this error. */
  rejectAll(error: ChrysError): void {
    const callers = [...this.storing, ...this.takeWaiting()];
    this.storing = [];
    this.cancelTimeout?.();
    reject(callers, error);
  }

  private checkRoom(): void {
    const { clock, names } = this.parts;
    if (this.storing.length > 0 && clock.monotonicMs() - this.storingSinceMs > STORE_TIMEOUT_MS) throw diskTimeout();
    if (this.waiting.length < MAX_WAITING && this.waitingCharacters < MAX_WAITING_CHARACTERS) return;
    const text = `Too many ${names.items} at the moment (${this.waiting.length} wait for the disk). Send it again later.`;
    throw new ChrysError('resource_exhausted', text);
  }

  /** Sends after this turn of the event loop, together with all calls that arrive in it. */
  private schedule(): void {
    if (this.isScheduled || this.storing.length > 0) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.send();
    });
  }

  private send(): void {
    if (this.storing.length > 0) return;
    const { clock, send } = this.parts;
    const callers = this.takeNext();
    if (callers.length === 0) return;
    this.storing = callers;
    this.storingSinceMs = clock.monotonicMs();
    send(callers.map(({ item }) => item));
    this.cancelTimeout = clock.after(STORE_TIMEOUT_MS, () => {
      reject([...callers, ...this.takeWaiting()], diskTimeout());
    });
  }

  /** The items of the next transaction. Rejects callers that are gone. */
  private takeNext(): readonly Caller<Item>[] {
    const callers: Caller<Item>[] = [];
    let characters = 0;
    let taken = 0;
    for (const caller of this.waiting) {
      if (callers.length === MAX_TRANSACTION_ITEMS || characters > MAX_TRANSACTION_CHARACTERS) break;
      taken += 1;
      this.waitingCharacters -= caller.item.json.length;
      if (caller.call.isGone()) {
        const text = `The call ended before the ${this.parts.names.item} was stored.`;
        caller.reject(new ChrysError('deadline_exceeded', text));
        continue;
      }
      characters += caller.item.json.length;
      callers.push(caller);
    }
    this.waiting = this.waiting.slice(taken);
    return callers;
  }

  private takeWaiting(): readonly Caller<Item>[] {
    const all = this.waiting;
    this.waiting = [];
    this.waitingCharacters = 0;
    return all;
  }
}

function reject(callers: readonly Caller<NewItem>[], error: ChrysError): void {
  for (const caller of callers) caller.reject(error);
}

export function diskTimeout(): ChrysError {
  const text = `The disk of the data directory has not answered for ${STORE_TIMEOUT_MS / 1000} s. Check the disk, and try again later.`;
  return new ChrysError('unavailable', text);
}
