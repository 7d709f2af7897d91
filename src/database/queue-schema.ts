import type { DatabaseSchema } from './database.js';

/**
 * The schema of the databases of annotations and of webhook events. A released step is never edited. Both databases have
 * all tables, as in earlier releases, although webhooks do not use the tables of evidence.
 * `annotations.state` is an index of STATES in src/outbox/queue-database.ts.
 */
export const QUEUE_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    camera TEXT NOT NULL,
    type TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    stored_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,
    done_ms INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX annotations_queued ON annotations (seq) WHERE state = 0;
  CREATE INDEX annotations_set_aside ON annotations (seq) WHERE state = 2;
  CREATE INDEX annotations_kept ON annotations (done_ms) WHERE state IN (1, 3);
  CREATE INDEX annotations_by_camera ON annotations (camera, start_ms);
  CREATE INDEX annotations_by_time ON annotations (start_ms);

  CREATE TABLE totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    queued INTEGER NOT NULL,
    set_aside INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    delivered INTEGER NOT NULL
  ) STRICT;
  INSERT INTO totals VALUES (1, 0, 0, 0, 0);
  `,
  `
  CREATE INDEX annotations_shared ON annotations (seq) WHERE state = 4;
  ALTER TABLE totals ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE origin (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL
  ) STRICT;
  `,
  // A row of evidence is deleted with its annotation. Triggers list the ids whose files are to be deleted.
  `
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
`,
];

/** `items` names the content of the queue in error messages: "annotations". */
export function queueSchema(items: string): DatabaseSchema {
  return {
    /** "ChrA". */
    applicationId: 0x43687241,
    migrations: QUEUE_MIGRATIONS,
    synchronous: 'FULL',
    adviceIfDamaged: `move it away to start without ${items}: those that wait in it are then not sent`,
  };
}
