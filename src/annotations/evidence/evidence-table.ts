import type { Connection, Statement } from '../../database/database.js';
import { runWrite } from '../../database/write-errors.js';
import type {
  Evidence,
  EvidenceRequest,
  EvidenceState,
  StoredSnapshot,
  MadeEvidence,
  PendingEvidence,
} from './evidence.js';

const STATES: readonly EvidenceState[] = ['pending', 'ready', 'failed', 'removed'];
const [PENDING, READY, FAILED, REMOVED] = [0, 1, 2, 3];
/**
 * States of annotations whose evidence can be removed: delivered and local, see STATE in src/outbox/queue-statements.ts.
 * Annotations that wait or are refused keep their evidence, because it is sent with them.
 */
const REMOVABLE = '(1, 3)';

const REQUEST = `camera, from_ms AS fromMs, to_ms AS toMs, clip, snapshot, at_ms AS atMs, frame_id AS frameId`;
const SNAPSHOT = 'jpeg_bytes AS jpegBytes, jpeg_frame_id AS jpegFrameId, jpeg_ms AS jpegMs';
const MADE = `reason, clip_bytes AS clipBytes, clip_from_ms AS clipFromMs, clip_to_ms AS clipToMs, ${SNAPSHOT}`;

/** A row as SQLite stores it: booleans are numbers. */
type Stored<T> = Omit<T, 'clip' | 'snapshot' | 'state'> & { readonly clip: number; readonly snapshot: number };

/**
 * The evidence of the annotations, in their database. Changes are durable when a method returns. Methods that write throw
 * unavailable, resource_exhausted or failed_precondition.
 */
export class EvidenceTable {
  readonly #insert: Statement<[Stored<EvidenceRequest> & { readonly id: string }]>;
  readonly #get: Statement<[string], Stored<Evidence> & { readonly state: number }>;
  readonly #pending: Statement<[number], Stored<PendingEvidence>>;
  readonly #noteSnapshot: Statement<[StoredSnapshot & { readonly id: string }]>;
  readonly #settle: Statement<[MadeEvidence & { readonly id: string; readonly state: number }]>;
  readonly #bytes: Statement<[], number>;
  readonly #oldest: Statement<[], { readonly id: string; readonly bytes: number }>;
  readonly #remove: Statement<[string, string]>;
  readonly #gone: Statement<[number], string>;
  readonly #forget: Statement<[string]>;

  readonly #database: Connection;

  constructor(database: Connection) {
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT INTO evidence (id, camera, from_ms, to_ms, clip, snapshot, at_ms, frame_id)
       VALUES (@id, @camera, @fromMs, @toMs, @clip, @snapshot, @atMs, @frameId)`,
    );
    this.#get = database.prepare(`SELECT ${REQUEST}, state, ${MADE} FROM evidence WHERE id = ?`);
    this.#pending = database.prepare(
      `SELECT id, ${REQUEST}, ${SNAPSHOT} FROM evidence INDEXED BY evidence_pending WHERE state = ${PENDING}
       ORDER BY id LIMIT ?`,
    );
    const snapshot = 'jpeg_bytes = @jpegBytes, jpeg_frame_id = @jpegFrameId, jpeg_ms = @jpegMs';
    this.#noteSnapshot = database.prepare(`UPDATE evidence SET ${snapshot} WHERE id = @id AND state = ${PENDING}`);
    this.#settle = database.prepare(
      `UPDATE evidence SET state = @state, reason = @reason, clip_bytes = @clipBytes, clip_from_ms = @clipFromMs,
        clip_to_ms = @clipToMs, ${snapshot} WHERE id = @id AND state = ${PENDING}`,
    );
    this.#bytes = database
      .prepare<[], number>(`SELECT coalesce(sum(clip_bytes + jpeg_bytes), 0) FROM evidence WHERE state = ${READY}`)
      .pluck();
    // Ids are ordered by time.
    this.#oldest = database.prepare(
      `SELECT evidence.id, clip_bytes + jpeg_bytes AS bytes FROM evidence JOIN annotations USING (id)
         WHERE evidence.state = ${READY} AND annotations.state IN ${REMOVABLE} ORDER BY evidence.id LIMIT 1`,
    );
    this.#remove = database.prepare(
      `UPDATE evidence SET state = ${REMOVED}, reason = ?, clip_bytes = 0, jpeg_bytes = 0 WHERE id = ?`,
    );
    this.#gone = database.prepare<[number], string>('SELECT id FROM evidence_gone LIMIT ?').pluck();
    this.#forget = database.prepare('DELETE FROM evidence_gone WHERE id = ?');
  }

  /** Runs within the transaction that stores the annotation. */
  insert(id: string, request: EvidenceRequest): void {
    this.#insert.run({ ...request, id, clip: Number(request.clip), snapshot: Number(request.snapshot) });
  }

  get(id: string): Evidence | undefined {
    const row = this.#get.get(id);
    return row && { ...row, ...flags(row), state: STATES[row.state] ?? 'failed' };
  }

  /** Up to `limit` pieces of evidence that are still to be made, oldest first. */
  pending(limit: number): PendingEvidence[] {
    return this.#pending.all(limit).map((row) => ({ ...row, ...flags(row) }));
  }

  /** Stores the facts of the snapshot, whose file is complete, while the clip is still to be made. */
  noteSnapshot(id: string, { jpegBytes, jpegFrameId, jpegMs }: StoredSnapshot): void {
    runWrite(() => this.#noteSnapshot.run({ id, jpegBytes, jpegFrameId, jpegMs }));
  }

  /** Stores the result for pending evidence. Does nothing for other evidence. */
  settle(id: string, made: MadeEvidence): void {
    const state = made.clipBytes + made.jpegBytes > 0 ? READY : FAILED;
    runWrite(() => this.#settle.run({ ...made, id, state }));
  }

  /** The bytes of all evidence that is ready. */
  get bytes(): number {
    return this.#bytes.get() ?? 0;
  }

  /**
   * Removes the oldest evidence of delivered and local annotations until at most `maxBytes` are left, in one transaction.
   * False: more than `maxBytes` are left.
   */
  makeRoom(maxBytes: number, reason: string): boolean {
    let { bytes } = this;
    const remove = this.#database.transaction(() => {
      for (let old = this.#oldest.get(); bytes > maxBytes && old !== undefined; old = this.#oldest.get()) {
        this.#remove.run(reason, old.id);
        bytes -= old.bytes;
      }
    });
    if (bytes > maxBytes)
      runWrite(() => {
        remove.immediate();
      });
    return bytes <= maxBytes;
  }

  /** Up to `limit` ids whose files are to be deleted. */
  removedIds(limit: number): string[] {
    return this.#gone.all(limit);
  }

  /** Call this when the files of these ids are deleted. */
  forgetRemoved(ids: readonly string[]): void {
    const forget = this.#database.transaction(() => {
      for (const id of ids) this.#forget.run(id);
    });
    runWrite(() => {
      forget.immediate();
    });
  }
}

function flags({ clip, snapshot }: { readonly clip: number; readonly snapshot: number }) {
  return { clip: clip !== 0, snapshot: snapshot !== 0 };
}
