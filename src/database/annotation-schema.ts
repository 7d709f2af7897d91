import type { DatabaseForm } from './database.js';
import { EVIDENCE_MIGRATION } from './evidence-table.js';

export const ANNOTATIONS_FILE = 'annotations.db';

/** As those of the store: a step that was released is never edited. The states are those of STATES in annotation-queue.ts. */
export const ANNOTATION_MIGRATIONS: readonly string[] = [
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
  EVIDENCE_MIGRATION,
];

/** `items` is what people call what it holds. */
export function annotationForm(items: string): DatabaseForm {
  return {
    /** "ChrA". */
    applicationId: 0x43687241,
    migrations: ANNOTATION_MIGRATIONS,
    synchronous: 'FULL',
    elseDo: `move it away to begin with no ${items}: those that wait in it are not sent then`,
  };
}
