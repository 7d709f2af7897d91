import { join } from 'node:path';
import { openDatabase, type Connection } from '../database/database.js';
import { queueSchema } from '../database/queue-schema.js';
import { explainWriteError, isSqliteError } from '../database/write-errors.js';
import type {
  ItemPosition,
  ItemState,
  NewItem,
  QueuedItem,
  QueueTotals,
  SettledItem,
  SharedItem,
  ShownItem,
} from './item.js';
import {
  prepareCleanupStatements,
  prepareQueueStatements,
  prepareSearchStatements,
  prepareSharedStatements,
  prepareTotalsStatements,
  STATE,
  type ShownRow,
} from './queue-statements.js';

/** The index is the column `state`. Users do not see whether an item waits here or in the shared queue. */
const STATES: readonly ItemState[] = ['queued', 'delivered', 'set_aside', 'local', 'queued'];

export interface ItemSearch {
  /** Undefined: all cameras. */
  readonly camera: string | undefined;
  /** Undefined: all types. */
  readonly type: string | undefined;
  /** Milliseconds since the epoch, inclusive. */
  readonly toMs: number;
  readonly after: ItemPosition;
  /** Maximum number of rows that the search reads. */
  readonly scanLimit: number;
}

export interface SearchResult {
  readonly matches: readonly ItemPosition[];
  /** Where the next search begins; undefined: there are no more rows. */
  readonly scannedTo: ItemPosition | undefined;
}

/**
 * The database of a queue: waiting items, refused items, and for some time delivered items. One connection, for one
 * thread. Every method that changes something is one transaction, durable when it returns, and throws unavailable,
 * resource_exhausted or failed_precondition when the database cannot be written. Only the time of the constructor grows
 * with the number of items.
 */
export class QueueDatabase {
  /** For a client's tables beside the items. */
  readonly connection: Connection;
  readonly #queue: ReturnType<typeof prepareQueueStatements>;
  readonly #shared: ReturnType<typeof prepareSharedStatements>;
  readonly #cleanup: ReturnType<typeof prepareCleanupStatements>;
  readonly #search: ReturnType<typeof prepareSearchStatements>;
  readonly #saveTotals: ReturnType<typeof prepareTotalsStatements>['save'];
  #totals: QueueTotals;
  #lastSeq: number;

  /** Opens or creates the database; throws like openDatabase. `items` is the word for the items in messages. */
  constructor(dataDir: string, { file, items }: { readonly file: string; readonly items: string }) {
    const database = openDatabase(join(dataDir, file), queueSchema(items));
    this.connection = database;
    this.#queue = prepareQueueStatements(database);
    this.#shared = prepareSharedStatements(database);
    this.#cleanup = prepareCleanupStatements(database);
    this.#search = prepareSearchStatements(database);
    const { save, load, lastSeq } = prepareTotalsStatements(database);
    this.#saveTotals = save;
    this.#totals = load.get() ?? { queued: 0, setAside: 0, kept: 0, delivered: 0, shared: 0 };
    this.#lastSeq = lastSeq.get() ?? 0;
  }

  get totals(): QueueTotals {
    return this.#totals;
  }

  /** When the oldest waiting item was accepted; undefined: none waits. */
  get oldestQueuedMs(): number | undefined {
    return this.#queue.oldestMs.get() ?? undefined;
  }

  /**
   * Stores items in their order. An item whose id is already stored is ignored, because a caller that got no answer stores
   * it again. `onAdded` runs for each new item within the transaction.
   */
  add<Item extends NewItem>(items: readonly Item[], state: 'queued' | 'local', onAdded?: (item: Item) => void): void {
    const isQueued = state === 'queued';
    let seq = this.#lastSeq;
    let added = 0;
    this.#change(() => {
      for (const item of items) {
        const { id, camera, type, startMs, storedMs, json } = item;
        const row = { id, camera, type, startMs, storedMs, json, seq: seq + 1 };
        const { changes } = this.#queue.insert.run({ ...row, state: STATE[state], doneMs: isQueued ? 0 : storedMs });
        if (changes === 0) continue;
        seq += 1;
        added += 1;
        onAdded?.(item);
      }
      return isQueued ? { queued: added } : { kept: added };
    });
    this.#lastSeq = seq;
  }

  /** The next items to send after `afterSeq`: up to `limit` items or `maxCharacters`, but at least one. */
  next(afterSeq: number, limit: number, maxCharacters: number): QueuedItem[] {
    return upTo(maxCharacters, this.#queue.next.iterate(afterSeq, limit));
  }

  deliver(seqs: readonly number[], nowMs: number): void {
    this.#change(() => {
      const delivered = sumOf(seqs, (seq) => this.#queue.deliver.run(nowMs, seq).changes);
      return { queued: -delivered, kept: delivered, delivered };
    });
  }

  setAside(seq: number, reason: string, nowMs: number): void {
    this.#change(() => {
      const { changes } = this.#queue.setAside.run(reason, nowMs, seq);
      return { queued: -changes, setAside: changes };
    });
  }

  /**
   * The name of this database among the proxies that share a queue. The first call creates and stores it. When the disk
   * cannot be written, the name is valid for this run: at the next start, shared items count as lost and are shared again.
   */
  origin(random: () => string): string {
    const stored = this.#shared.origin.get();
    if (stored !== undefined) return stored;
    const name = random();
    try {
      this.#shared.setOrigin.run(name);
    } catch (error) {
      if (!isSqliteError(error)) throw error;
    }
    return name;
  }

  /** Marks items as moved to the shared queue: they still wait, but `next` does not return them. */
  share(seqs: readonly number[]): void {
    this.#change(() => ({ shared: sumOf(seqs, (seq) => this.#shared.share.run(seq).changes) }));
  }

  /** Takes back items that the shared queue has lost: each waits again at its old position. */
  unshare(ids: readonly string[]): void {
    this.#change(() => ({ shared: -sumOf(ids, (id) => this.#shared.unshare.run(id).changes) }));
  }

  /** Up to `limit` items after `afterSeq` that are in the shared queue. */
  shared(afterSeq: number, limit: number): SharedItem[] {
    return this.#shared.page.all(afterSeq, limit);
  }

  /** Stores the results of items that were sent from the shared queue, including items that are not yet marked as shared. */
  settle(settled: readonly SettledItem[]): void {
    this.#change(() => {
      const sum = { queued: 0, shared: 0, setAside: 0, kept: 0, delivered: 0 };
      for (const { id, refusal, atMs } of settled) {
        const state = refusal === undefined ? STATE.delivered : STATE.setAside;
        const change = (from: number): number => this.#shared.settle.run(state, refusal ?? '', atMs, id, from).changes;
        const shared = change(STATE.shared);
        const all = shared + change(STATE.queued);
        sum.queued -= all;
        sum.shared -= shared;
        if (refusal === undefined) {
          sum.kept += all;
          sum.delivered += all;
        } else sum.setAside += all;
      }
      return sum;
    });
  }

  /** Refused items after `afterSeq`: up to `limit` items or `maxCharacters`, but at least one. */
  refused(afterSeq: number, limit: number, maxCharacters: number): ShownItem[] {
    return upTo(maxCharacters, this.#cleanup.refusedPage.iterate(afterSeq, limit)).map(shown);
  }

  /** The positions of the given items, without items that are not refused. */
  refusedSeqs(ids: readonly string[]): number[] {
    return ids.map((id) => this.#cleanup.refusedSeq.get(id)).filter((seq) => seq !== undefined);
  }

  /** Puts refused items at the end of the queue. Ignores other items. */
  requeue(seqs: readonly number[]): void {
    let last = this.#lastSeq;
    this.#change(() => {
      const before = last;
      for (const seq of seqs) last += this.#cleanup.requeue.run(last + 1, seq).changes;
      return { queued: last - before, setAside: before - last };
    });
    this.#lastSeq = last;
  }

  /** Deletes refused items. Ignores other items. */
  discard(seqs: readonly number[]): void {
    this.#change(() => ({ setAside: -sumOf(seqs, (seq) => this.#cleanup.discard.run(seq).changes) }));
  }

  /**
   * Deletes delivered and local items: items done before `beforeMs`, and the oldest while there are more than `maxKept`.
   * Deletes up to `limit` items and returns their number.
   */
  clean(beforeMs: number, maxKept: number, limit: number): number {
    const excess = Math.min(limit, Math.max(0, this.#totals.kept - maxKept));
    const seqs = excess > 0 ? this.#cleanup.oldestKept.all(excess) : this.#cleanup.expired.all(beforeMs, limit);
    if (seqs.length === 0) return 0;
    this.#change(() => {
      for (const seq of seqs) this.#cleanup.remove.run(seq);
      return { kept: -seqs.length };
    });
    return seqs.length;
  }

  /** Finds items, in the order of `startMs`. */
  search({ camera, type, toMs, after, scanLimit }: ItemSearch): SearchResult {
    const at = { startMs: after.startMs, seq: after.seq, toMs, scanLimit };
    const rows = camera === undefined ? this.#search.byTime.all(at) : this.#search.byCamera.all({ ...at, camera });
    return {
      matches: rows.filter((row) => type === undefined || row.type === type),
      scannedTo: rows.length < scanLimit ? undefined : rows.at(-1),
    };
  }

  get(seq: number): ShownItem | undefined {
    const row = this.#search.get.get(seq);
    return row && shown(row);
  }

  byId(id: string): ShownItem | undefined {
    const row = this.#search.byId.get(id);
    return row && shown(row);
  }

  close(): void {
    this.connection.close();
  }

  /** Runs `change` in one transaction and adds its result to the totals. */
  #change(change: () => Partial<QueueTotals>): void {
    const before = this.#totals;
    let after = before;
    const transaction = this.connection.transaction(() => {
      const { queued = 0, setAside = 0, kept = 0, delivered = 0, shared = 0 } = change();
      after = {
        queued: before.queued + queued,
        setAside: before.setAside + setAside,
        kept: before.kept + kept,
        delivered: before.delivered + delivered,
        shared: before.shared + shared,
      };
      this.#saveTotals.run(after);
    });
    try {
      transaction.immediate();
    } catch (error) {
      throw explainWriteError(error);
    }
    this.#totals = after;
  }
}

function shown({ state, ...row }: ShownRow): ShownItem {
  return { ...row, state: STATES[state] ?? 'queued' };
}

function sumOf<T>(values: readonly T[], changesOf: (value: T) => number): number {
  return values.reduce((sum, value) => sum + changesOf(value), 0);
}

/** The first rows, until their JSON reaches `maxCharacters`, to limit memory. At least one. */
function upTo<Row extends { readonly json: string }>(maxCharacters: number, rows: Iterable<Row>): Row[] {
  const found: Row[] = [];
  let characters = 0;
  for (const row of rows) {
    found.push(row);
    characters += row.json.length;
    if (characters >= maxCharacters) break;
  }
  return found;
}
