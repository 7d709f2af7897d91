import type Database from 'better-sqlite3';
import type { Evidence, EvidenceState, EvidenceWish, KeptSnapshot, MadeEvidence, PendingEvidence } from './evidence.js';
import { explainedWrite } from './write-errors.js';

/**
 * A step of the annotations' database. Evidence goes with its annotation; the files of what went are listed until
 * somebody has removed them.
 */
export const EVIDENCE_MIGRATION = `
  CREATE TABLE evidence (
    id TEXT PRIMARY KEY NOT NULL REFERENCES annotations (id) ON DELETE CASCADE,
    camera TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    clip INTEGER NOT NULL,
    snapshot INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    frame_id INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    clip_bytes INTEGER NOT NULL DEFAULT 0,
    clip_from_ms INTEGER NOT NULL DEFAULT 0,
    clip_to_ms INTEGER NOT NULL DEFAULT 0,
    jpeg_bytes INTEGER NOT NULL DEFAULT 0,
    jpeg_frame_id INTEGER NOT NULL DEFAULT 0,
    jpeg_ms INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX evidence_pending ON evidence (id) WHERE state = 0;
  CREATE INDEX evidence_ready ON evidence (id, clip_bytes, jpeg_bytes) WHERE state = 1;

  CREATE TABLE evidence_gone (
    id TEXT PRIMARY KEY NOT NULL
  ) STRICT;
  CREATE TRIGGER evidence_goes AFTER DELETE ON evidence BEGIN
    INSERT OR IGNORE INTO evidence_gone VALUES (old.id);
  END;
  CREATE TRIGGER evidence_is_removed AFTER UPDATE OF state ON evidence WHEN new.state IN (2, 3) BEGIN
    INSERT OR IGNORE INTO evidence_gone VALUES (old.id);
  END;
`;

const STATES: readonly EvidenceState[] = ['pending', 'ready', 'failed', 'removed'];
const [PENDING, READY, FAILED, REMOVED] = [0, 1, 2, 3];
/** Of annotations: those that wait to be sent, or were refused and may be sent again, keep their evidence. */
const DONE_WITH = '(1, 3)';

const WISH = `camera, from_ms AS fromMs, to_ms AS toMs, clip, snapshot, at_ms AS atMs, frame_id AS frameId`;
const SNAPSHOT = 'jpeg_bytes AS jpegBytes, jpeg_frame_id AS jpegFrameId, jpeg_ms AS jpegMs';
const MADE = `reason, clip_bytes AS clipBytes, clip_from_ms AS clipFromMs, clip_to_ms AS clipToMs, ${SNAPSHOT}`;

/** SQLite has no boolean. */
type Stored<T> = Omit<T, 'clip' | 'snapshot' | 'state'> & { readonly clip: number; readonly snapshot: number };

/**
 * The evidence of the annotations, in their database and on their connection. What changes is durable when a method
 * returns; they throw as those of AnnotationQueue.
 */
export class EvidenceTable {
  readonly #insert: Database.Statement<[Stored<EvidenceWish> & { readonly id: string }]>;
  readonly #get: Database.Statement<[string], Stored<Evidence> & { readonly state: number }>;
  readonly #pending: Database.Statement<[number], Stored<PendingEvidence>>;
  readonly #noteSnapshot: Database.Statement<[KeptSnapshot & { readonly id: string }]>;
  readonly #settle: Database.Statement<[MadeEvidence & { readonly id: string; readonly state: number }]>;
  readonly #bytes: Database.Statement<[], number>;
  readonly #oldest: Database.Statement<[], { readonly id: string; readonly bytes: number }>;
  readonly #remove: Database.Statement<[string, string]>;
  readonly #gone: Database.Statement<[number], string>;
  readonly #forget: Database.Statement<[string]>;

  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT INTO evidence (id, camera, from_ms, to_ms, clip, snapshot, at_ms, frame_id)
       VALUES (@id, @camera, @fromMs, @toMs, @clip, @snapshot, @atMs, @frameId)`,
    );
    this.#get = database.prepare(`SELECT ${WISH}, state, ${MADE} FROM evidence WHERE id = ?`);
    this.#pending = database.prepare(
      `SELECT id, ${WISH}, ${SNAPSHOT} FROM evidence INDEXED BY evidence_pending WHERE state = ${PENDING}
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
    // Ids grow with time.
    this.#oldest = database.prepare(
      `SELECT evidence.id, clip_bytes + jpeg_bytes AS bytes FROM evidence JOIN annotations USING (id)
         WHERE evidence.state = ${READY} AND annotations.state IN ${DONE_WITH} ORDER BY evidence.id LIMIT 1`,
    );
    this.#remove = database.prepare(
      `UPDATE evidence SET state = ${REMOVED}, reason = ?, clip_bytes = 0, jpeg_bytes = 0 WHERE id = ?`,
    );
    this.#gone = database.prepare<[number], string>('SELECT id FROM evidence_gone LIMIT ?').pluck();
    this.#forget = database.prepare('DELETE FROM evidence_gone WHERE id = ?');
  }

  /** Within the transaction that stores the annotation. */
  insert(id: string, wish: EvidenceWish): void {
    this.#insert.run({ ...wish, id, clip: Number(wish.clip), snapshot: Number(wish.snapshot) });
  }

  get(id: string): Evidence | undefined {
    const row = this.#get.get(id);
    return row && { ...row, ...flags(row), state: STATES[row.state] ?? 'failed' };
  }

  /** The oldest that are still to be made. */
  pending(limit: number): PendingEvidence[] {
    return this.#pending.all(limit).map((row) => ({ ...row, ...flags(row) }));
  }

  /** That a picture is kept already, although the clip is not made yet. */
  noteSnapshot(id: string, { jpegBytes, jpegFrameId, jpegMs }: KeptSnapshot): void {
    write(() => this.#noteSnapshot.run({ id, jpegBytes, jpegFrameId, jpegMs }));
  }

  /** What came of evidence that is pending. */
  settle(id: string, made: MadeEvidence): void {
    const state = made.clipBytes + made.jpegBytes > 0 ? READY : FAILED;
    write(() => this.#settle.run({ ...made, id, state }));
  }

  /** Of all that is ready. */
  get bytes(): number {
    return this.#bytes.get() ?? 0;
  }

  /**
   * Removes the oldest whose annotations were delivered, or are only kept here, until all that is ready has so few bytes, as
   * one transaction. False: what is left has more.
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
      write(() => {
        remove.immediate();
      });
    return bytes <= maxBytes;
  }

  /** Ids whose files are of no use any more. */
  gone(limit: number): string[] {
    return this.#gone.all(limit);
  }

  /** Their files are removed. */
  forget(ids: readonly string[]): void {
    const all = this.#database.transaction(() => {
      for (const id of ids) this.#forget.run(id);
    });
    write(() => {
      all.immediate();
    });
  }
}

function flags({ clip, snapshot }: { readonly clip: number; readonly snapshot: number }) {
  return { clip: clip !== 0, snapshot: snapshot !== 0 };
}

function write<T>(statement: () => T): T {
  try {
    return statement();
  } catch (error) {
    throw explainedWrite(error);
  }
}
