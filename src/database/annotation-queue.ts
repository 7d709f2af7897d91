import { join } from 'node:path';
import Database from 'better-sqlite3';
import type {
  AnnotationPlace,
  AnnotationState,
  AnnotationTotals,
  NewAnnotation,
  QueuedAnnotation,
  SettledAnnotation,
  SharedAnnotation,
  ShownAnnotation,
} from './annotation.js';
import { annotationForm, ANNOTATIONS_FILE } from './annotation-schema.js';
import { openDatabase } from './database.js';
import { EvidenceTable } from './evidence-table.js';
import { explainedWrite } from './write-errors.js';

/** One that is in the queue that proxies share waits like any other: whoever asks does not see the difference. */
const STATES: readonly AnnotationState[] = ['queued', 'delivered', 'set_aside', 'local', 'queued'];
const [QUEUED, DELIVERED, SET_ASIDE, LOCAL, SHARED] = [0, 1, 2, 3, 4];
const SHOWN = `seq, id, camera, type, start_ms AS startMs, stored_ms AS storedMs, state, done_ms AS doneMs, reason, json`;
const QUEUE = 'seq, id, camera, stored_ms AS storedMs, json';
/** Left to itself, SQLite would walk through everything that was delivered since. */
const OF_THE_QUEUE = 'FROM annotations INDEXED BY annotations_queued WHERE state = 0';
const OF_THE_SHARED = 'FROM annotations INDEXED BY annotations_shared WHERE state = 4';

type ShownRow = Omit<ShownAnnotation, 'state' | 'evidence'> & { readonly state: number };
type NewRow = Omit<NewAnnotation, 'evidence'> & {
  readonly seq: number;
  readonly state: number;
  readonly doneMs: number;
};

/** What a question about the past looks at; moments are milliseconds since the epoch. */
export interface AnnotationSearch {
  /** Undefined: all. */
  readonly camera: string | undefined;
  readonly type: string | undefined;
  readonly toMs: number;
  readonly after: AnnotationPlace;
  /** Rows to look at. */
  readonly look: number;
}

export interface Found {
  /** Of those that were looked at, the ones that match. */
  readonly places: readonly AnnotationPlace[];
  /** The last that was looked at; undefined: there are no more. */
  readonly lookedTo: AnnotationPlace | undefined;
}

/**
 * The annotations, in a file of their own: those that wait to be sent, those that were refused, and for a while those
 * that were delivered. One connection, for one thread. Every method that changes something is one transaction, durable
 * when it returns, and throws unavailable, resource_exhausted or failed_precondition when it cannot be written. Nothing
 * here takes longer because there are more annotations, except opening.
 */
export class AnnotationQueue {
  readonly evidence: EvidenceTable;
  readonly #database: Database.Database;
  readonly #insert: Database.Statement<[NewRow]>;
  readonly #next: Database.Statement<[number, number], QueuedAnnotation>;
  readonly #oldest: Database.Statement<[], number | null>;
  readonly #deliver: Database.Statement<[number, number]>;
  readonly #setAside: Database.Statement<[string, number, number]>;
  readonly #share: Database.Statement<[number]>;
  readonly #unshare: Database.Statement<[string]>;
  readonly #sharedPage: Database.Statement<[number, number], SharedAnnotation>;
  readonly #settle: Database.Statement<[number, string, number, string, number]>;
  readonly #setAsidePage: Database.Statement<[number, number], ShownRow>;
  readonly #setAsideId: Database.Statement<[string], number>;
  readonly #requeue: Database.Statement<[number, number]>;
  readonly #expired: Database.Statement<[number, number], number>;
  readonly #oldestKept: Database.Statement<[number], number>;
  readonly #remove: Database.Statement<[number]>;
  readonly #discard: Database.Statement<[number]>;
  readonly #byCamera: Database.Statement<[SearchParameters], Place>;
  readonly #byTime: Database.Statement<[SearchParameters], Place>;
  readonly #get: Database.Statement<[number], ShownRow>;
  readonly #byId: Database.Statement<[string], ShownRow>;
  readonly #saveTotals: Database.Statement<[AnnotationTotals]>;
  #totals: AnnotationTotals;
  #lastSeq: number;

  /**
   * Makes the database in the data directory when there is none and brings it to the newest schema. Throws
   * failed_precondition when it is damaged, from a newer version, or not ours: it is never replaced silently.
   */
  constructor(dataDir: string, { file, items } = { file: ANNOTATIONS_FILE, items: 'annotations' }) {
    const database = openDatabase(join(dataDir, file), annotationForm(items));
    this.#database = database;
    this.evidence = new EvidenceTable(database);
    this.#insert = database.prepare(
      `INSERT INTO annotations (seq, id, camera, type, start_ms, stored_ms, state, done_ms, json)
       VALUES (@seq, @id, @camera, @type, @startMs, @storedMs, @state, @doneMs, @json) ON CONFLICT (id) DO NOTHING`,
    );
    this.#next = database.prepare(`SELECT ${QUEUE} ${OF_THE_QUEUE} AND seq > ? ORDER BY seq LIMIT ?`);
    const first = (of: string): string => `(SELECT stored_ms ${of} ORDER BY seq LIMIT 1)`;
    this.#oldest = database
      .prepare<[], number | null>(
        `SELECT min(stored_ms) FROM (SELECT ${first(OF_THE_QUEUE)} AS stored_ms UNION ALL SELECT ${first(OF_THE_SHARED)})`,
      )
      .pluck();
    this.#deliver = database.prepare(
      `UPDATE annotations SET state = ${DELIVERED}, done_ms = ? WHERE seq = ? AND state = ${QUEUED}`,
    );
    this.#setAside = database.prepare(
      `UPDATE annotations SET state = ${SET_ASIDE}, reason = ?, done_ms = ? WHERE seq = ? AND state = ${QUEUED}`,
    );
    this.#share = database.prepare(`UPDATE annotations SET state = ${SHARED} WHERE seq = ? AND state = ${QUEUED}`);
    this.#unshare = database.prepare(`UPDATE annotations SET state = ${QUEUED} WHERE id = ? AND state = ${SHARED}`);
    this.#sharedPage = database.prepare(`SELECT seq, id ${OF_THE_SHARED} AND seq > ? ORDER BY seq LIMIT ?`);
    this.#settle = database.prepare(
      'UPDATE annotations SET state = ?, reason = ?, done_ms = ? WHERE id = ? AND state = ?',
    );
    const ofTheRefused = `FROM annotations INDEXED BY annotations_set_aside WHERE state = ${SET_ASIDE}`;
    this.#setAsidePage = database.prepare(`SELECT ${SHOWN} ${ofTheRefused} AND seq > ? ORDER BY seq LIMIT ?`);
    this.#setAsideId = database
      .prepare<[string], number>(`SELECT seq FROM annotations WHERE id = ? AND state = ${SET_ASIDE}`)
      .pluck();
    this.#requeue = database.prepare(
      `UPDATE annotations SET state = ${QUEUED}, reason = '', done_ms = 0, seq = ? WHERE seq = ? AND state = ${SET_ASIDE}`,
    );
    const kept = `FROM annotations INDEXED BY annotations_kept WHERE state IN (${DELIVERED}, ${LOCAL})`;
    this.#expired = database
      .prepare<[number, number], number>(`SELECT seq ${kept} AND done_ms < ? ORDER BY done_ms LIMIT ?`)
      .pluck();
    this.#oldestKept = database.prepare<[number], number>(`SELECT seq ${kept} ORDER BY done_ms LIMIT ?`).pluck();
    this.#remove = database.prepare('DELETE FROM annotations WHERE seq = ?');
    this.#discard = database.prepare(`DELETE FROM annotations WHERE seq = ? AND state = ${SET_ASIDE}`);
    const range = '(start_ms, seq) > (@startMs, @seq) AND start_ms <= @toMs ORDER BY start_ms, seq LIMIT @look';
    const place = 'SELECT seq, start_ms AS startMs, type FROM annotations INDEXED BY';
    this.#byCamera = database.prepare(`${place} annotations_by_camera WHERE camera = @camera AND ${range}`);
    this.#byTime = database.prepare(`${place} annotations_by_time WHERE ${range}`);
    this.#get = database.prepare(`SELECT ${SHOWN} FROM annotations WHERE seq = ?`);
    this.#byId = database.prepare(`SELECT ${SHOWN} FROM annotations WHERE id = ?`);
    this.#saveTotals = database.prepare(
      'UPDATE totals SET queued = @queued, set_aside = @setAside, kept = @kept, delivered = @delivered, shared = @shared',
    );
    this.#totals = database
      .prepare('SELECT queued, set_aside AS setAside, kept, delivered, shared FROM totals')
      .get() as AnnotationTotals;
    this.#lastSeq = (database.prepare('SELECT max(seq) FROM annotations').pluck().get() as number | null) ?? 0;
  }

  get totals(): AnnotationTotals {
    return this.#totals;
  }

  /** When the oldest that waits was taken; undefined: none waits. */
  get oldestQueuedMs(): number | undefined {
    return this.#oldest.get() ?? undefined;
  }

  /** Stores them in their order: to be sent, or only to be kept. Those whose id is there already stay as they are. */
  add(annotations: readonly NewAnnotation[], state: 'queued' | 'local'): void {
    const queued = state === 'queued';
    let seq = this.#lastSeq;
    let added = 0;
    this.#change(() => {
      for (const { evidence, ...annotation } of annotations) {
        const doneMs = queued ? 0 : annotation.storedMs;
        const { changes } = this.#insert.run({ ...annotation, seq: seq + 1, state: queued ? QUEUED : LOCAL, doneMs });
        // Whoever has not heard the answer stores it again.
        if (changes === 0) continue;
        seq += 1;
        added += 1;
        if (evidence !== undefined) this.evidence.insert(annotation.id, evidence);
      }
      return queued ? { queued: added } : { kept: added };
    });
    this.#lastSeq = seq;
  }

  /** Those that are to be sent after one, in their order: at most so many, and as few as have so many characters. */
  next(afterSeq: number, limit: number, maxCharacters: number): QueuedAnnotation[] {
    return upTo(maxCharacters, this.#next.iterate(afterSeq, limit));
  }

  deliver(seqs: readonly number[], nowMs: number): void {
    this.#change(() => {
      const delivered = seqs.reduce((sum, seq) => sum + this.#deliver.run(nowMs, seq).changes, 0);
      return { queued: -delivered, kept: delivered, delivered };
    });
  }

  setAside(seq: number, reason: string, nowMs: number): void {
    this.#change(() => {
      const { changes } = this.#setAside.run(reason, nowMs, seq);
      return { queued: -changes, setAside: changes };
    });
  }

  /**
   * Who stored these, for those that share a queue with this proxy: made at the first call, and kept. On a disk that takes
   * nothing it is good for this run: what is shared by then counts as lost at the next start, and is shared again.
   */
  origin(random: () => string): string {
    const stored = this.#database.prepare<[], string>('SELECT name FROM origin').pluck().get();
    if (stored !== undefined) return stored;
    const name = random();
    try {
      this.#database.prepare('INSERT INTO origin VALUES (1, ?)').run(name);
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
    }
    return name;
  }

  /** These are in the queue that proxies share: `next` does not give them any more. They still wait. */
  share(seqs: readonly number[]): void {
    this.#change(() => ({ shared: seqs.reduce((sum, seq) => sum + this.#share.run(seq).changes, 0) }));
  }

  /** These are not there any more, and wait here again, each at its place. */
  unshare(ids: readonly string[]): void {
    this.#change(() => ({ shared: -ids.reduce((sum, id) => sum + this.#unshare.run(id).changes, 0) }));
  }

  /** Those that are in the queue that proxies share, after one. */
  shared(afterSeq: number, limit: number): SharedAnnotation[] {
    return this.#sharedPage.all(afterSeq, limit);
  }

  /** What became of those that another proxy sent. One that is not known to be shared yet is settled all the same. */
  settle(settled: readonly SettledAnnotation[]): void {
    this.#change(() => {
      const sum = { queued: 0, shared: 0, setAside: 0, kept: 0, delivered: 0 };
      for (const { id, refusal, atMs } of settled) {
        const state = refusal === undefined ? DELIVERED : SET_ASIDE;
        const change = (from: number): number => this.#settle.run(state, refusal ?? '', atMs, id, from).changes;
        const shared = change(SHARED);
        const all = shared + change(QUEUED);
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

  /** Those that were set aside, after one, within the same bounds. */
  refused(afterSeq: number, limit: number, maxCharacters: number): ShownAnnotation[] {
    return upTo(maxCharacters, this.#setAsidePage.iterate(afterSeq, limit)).map((row) => this.#shown(row));
  }

  /** Where those of these are that were set aside. */
  refusedSeqs(ids: readonly string[]): number[] {
    return ids.map((id) => this.#setAsideId.get(id)).filter((seq) => seq !== undefined);
  }

  /** Puts those of them that are refused back to the end of the queue. */
  requeue(seqs: readonly number[]): void {
    let last = this.#lastSeq;
    this.#change(() => {
      const before = last;
      for (const seq of seqs) last += this.#requeue.run(last + 1, seq).changes;
      return { queued: last - before, setAside: before - last };
    });
    this.#lastSeq = last;
  }

  /** Removes those of them that are refused. */
  discard(seqs: readonly number[]): void {
    this.#change(() => {
      return { setAside: -seqs.reduce((sum, seq) => sum + this.#discard.run(seq).changes, 0) };
    });
  }

  /**
   * Removes at most `limit` of those that were delivered before a moment, or that are more than `most`; says how many.
   * Those that wait or were refused stay.
   */
  clean(beforeMs: number, most: number, limit: number): number {
    const tooMany = Math.min(limit, Math.max(0, this.#totals.kept - most));
    const seqs = tooMany > 0 ? this.#oldestKept.all(tooMany) : this.#expired.all(beforeMs, limit);
    if (seqs.length === 0) return 0;
    this.#change(() => {
      for (const seq of seqs) this.#remove.run(seq);
      return { kept: -seqs.length };
    });
    return seqs.length;
  }

  /** Goes on in the order of start_timestamp and looks at a bounded number of annotations. */
  search({ camera, type, toMs, after, look }: AnnotationSearch): Found {
    const at = { startMs: after.startMs, seq: after.seq, toMs, look };
    const rows = camera === undefined ? this.#byTime.all(at) : this.#byCamera.all({ ...at, camera });
    const last = rows.at(-1);
    return {
      places: rows.filter((row) => type === undefined || row.type === type),
      lookedTo: rows.length < look ? undefined : last,
    };
  }

  get(seq: number): ShownAnnotation | undefined {
    const row = this.#get.get(seq);
    return row && this.#shown(row);
  }

  byId(id: string): ShownAnnotation | undefined {
    const row = this.#byId.get(id);
    return row && this.#shown(row);
  }

  close(): void {
    this.#database.close();
  }

  #shown({ state, ...row }: ShownRow): ShownAnnotation {
    const evidence = this.evidence.get(row.id);
    return { ...row, state: STATES[state] ?? 'queued', ...(evidence === undefined ? {} : { evidence }) };
  }

  /** One transaction; `change` says by how much it changes the totals. */
  #change(change: () => Partial<AnnotationTotals>): void {
    const before = this.#totals;
    let after = before;
    const transaction = this.#database.transaction(() => {
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
      throw explainedWrite(error);
    }
    this.#totals = after;
  }
}

interface Place extends AnnotationPlace {
  readonly type: string;
}

interface SearchParameters extends AnnotationPlace {
  readonly camera?: string;
  readonly toMs: number;
  readonly look: number;
}

/** The first of them, until they have so many characters; at least one. Memory is bounded, however long each of them is. */
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
