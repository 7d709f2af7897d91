import type { Connection, Statement } from '../database/database.js';
import type { ItemPosition, NewItem, QueuedItem, QueueTotals, SharedItem, ShownItem } from './item.js';

/** Values of the column `state`. */
export const STATE = { queued: 0, delivered: 1, setAside: 2, local: 3, shared: 4 } as const;

export type ShownRow = Omit<ShownItem, 'state'> & { readonly state: number };
export type NewRow = NewItem & { readonly seq: number; readonly state: number; readonly doneMs: number };

export interface TypedPosition extends ItemPosition {
  readonly type: string;
}

interface SearchParameters extends ItemPosition {
  readonly camera?: string;
  readonly toMs: number;
  readonly scanLimit: number;
}

const SHOWN = `seq, id, camera, type, start_ms AS startMs, stored_ms AS storedMs, state, done_ms AS doneMs, reason, json`;
const QUEUED = 'seq, id, camera, stored_ms AS storedMs, json';
// Without INDEXED BY, SQLite would read all delivered items.
const FROM_QUEUED = `FROM annotations INDEXED BY annotations_queued WHERE state = ${STATE.queued}`;
const FROM_SHARED = `FROM annotations INDEXED BY annotations_shared WHERE state = ${STATE.shared}`;
const FROM_SET_ASIDE = `FROM annotations INDEXED BY annotations_set_aside WHERE state = ${STATE.setAside}`;
const FROM_KEPT = `FROM annotations INDEXED BY annotations_kept WHERE state IN (${STATE.delivered}, ${STATE.local})`;

/** Statements that read or change the items that wait. */
export function prepareQueueStatements(database: Connection) {
  const first = (from: string): string => `(SELECT stored_ms ${from} ORDER BY seq LIMIT 1)`;
  const insert: Statement<[NewRow]> = database.prepare(
    `INSERT INTO annotations (seq, id, camera, type, start_ms, stored_ms, state, done_ms, json)
     VALUES (@seq, @id, @camera, @type, @startMs, @storedMs, @state, @doneMs, @json) ON CONFLICT (id) DO NOTHING`,
  );
  const next: Statement<[afterSeq: number, limit: number], QueuedItem> = database.prepare(
    `SELECT ${QUEUED} ${FROM_QUEUED} AND seq > ? ORDER BY seq LIMIT ?`,
  );
  const oldestMs = database
    .prepare<[], number | null>(
      `SELECT min(stored_ms) FROM (SELECT ${first(FROM_QUEUED)} AS stored_ms UNION ALL SELECT ${first(FROM_SHARED)})`,
    )
    .pluck();
  const deliver: Statement<[doneMs: number, seq: number]> = database.prepare(
    `UPDATE annotations SET state = ${STATE.delivered}, done_ms = ? WHERE seq = ? AND state = ${STATE.queued}`,
  );
  const setAside: Statement<[reason: string, doneMs: number, seq: number]> = database.prepare(
    `UPDATE annotations SET state = ${STATE.setAside}, reason = ?, done_ms = ? WHERE seq = ? AND state = ${STATE.queued}`,
  );
  return { insert, next, oldestMs, deliver, setAside };
}

/** Statements for the shared queue. */
export function prepareSharedStatements(database: Connection) {
  const share: Statement<[seq: number]> = database.prepare(
    `UPDATE annotations SET state = ${STATE.shared} WHERE seq = ? AND state = ${STATE.queued}`,
  );
  const unshare: Statement<[id: string]> = database.prepare(
    `UPDATE annotations SET state = ${STATE.queued} WHERE id = ? AND state = ${STATE.shared}`,
  );
  const page: Statement<[afterSeq: number, limit: number], SharedItem> = database.prepare(
    `SELECT seq, id ${FROM_SHARED} AND seq > ? ORDER BY seq LIMIT ?`,
  );
  const settle: Statement<[state: number, reason: string, doneMs: number, id: string, fromState: number]> =
    database.prepare('UPDATE annotations SET state = ?, reason = ?, done_ms = ? WHERE id = ? AND state = ?');
  const origin = database.prepare<[], string>('SELECT name FROM origin').pluck();
  const setOrigin: Statement<[name: string]> = database.prepare('INSERT INTO origin VALUES (1, ?)');
  return { share, unshare, page, settle, origin, setOrigin };
}

/** Statements for refused items, and for deleting items. */
export function prepareCleanupStatements(database: Connection) {
  const refusedPage: Statement<[afterSeq: number, limit: number], ShownRow> = database.prepare(
    `SELECT ${SHOWN} ${FROM_SET_ASIDE} AND seq > ? ORDER BY seq LIMIT ?`,
  );
  const refusedSeq = database
    .prepare<[id: string], number>(`SELECT seq FROM annotations WHERE id = ? AND state = ${STATE.setAside}`)
    .pluck();
  const requeue: Statement<[newSeq: number, seq: number]> = database.prepare(
    `UPDATE annotations SET state = ${STATE.queued}, reason = '', done_ms = 0, seq = ?
     WHERE seq = ? AND state = ${STATE.setAside}`,
  );
  const discard: Statement<[seq: number]> = database.prepare(
    `DELETE FROM annotations WHERE seq = ? AND state = ${STATE.setAside}`,
  );
  const expired = database
    .prepare<[beforeMs: number, limit: number], number>(
      `SELECT seq ${FROM_KEPT} AND done_ms < ? ORDER BY done_ms LIMIT ?`,
    )
    .pluck();
  const oldestKept = database
    .prepare<[limit: number], number>(`SELECT seq ${FROM_KEPT} ORDER BY done_ms LIMIT ?`)
    .pluck();
  const remove: Statement<[seq: number]> = database.prepare('DELETE FROM annotations WHERE seq = ?');
  return { refusedPage, refusedSeq, requeue, discard, expired, oldestKept, remove };
}

export function prepareSearchStatements(database: Connection) {
  const range = '(start_ms, seq) > (@startMs, @seq) AND start_ms <= @toMs ORDER BY start_ms, seq LIMIT @scanLimit';
  const position = 'SELECT seq, start_ms AS startMs, type FROM annotations INDEXED BY';
  const byCamera: Statement<[SearchParameters], TypedPosition> = database.prepare(
    `${position} annotations_by_camera WHERE camera = @camera AND ${range}`,
  );
  const byTime: Statement<[SearchParameters], TypedPosition> = database.prepare(
    `${position} annotations_by_time WHERE ${range}`,
  );
  const get: Statement<[seq: number], ShownRow> = database.prepare(`SELECT ${SHOWN} FROM annotations WHERE seq = ?`);
  const byId: Statement<[id: string], ShownRow> = database.prepare(`SELECT ${SHOWN} FROM annotations WHERE id = ?`);
  return { byCamera, byTime, get, byId };
}

export function prepareTotalsStatements(database: Connection) {
  const save: Statement<[QueueTotals]> = database.prepare(
    'UPDATE totals SET queued = @queued, set_aside = @setAside, kept = @kept, delivered = @delivered, shared = @shared',
  );
  const load: Statement<[], QueueTotals> = database.prepare(
    'SELECT queued, set_aside AS setAside, kept, delivered, shared FROM totals',
  );
  const lastSeq = database.prepare<[], number | null>('SELECT max(seq) FROM annotations').pluck();
  return { save, load, lastSeq };
}
