import type { Segment } from './segment.js';

export const SEGMENT_INDEX_FILE = 'recordings.db';

/** A released step is never edited: a change is a new step. */
export const SEGMENT_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL,
    file TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    end_sequence INTEGER NOT NULL,
    connection INTEGER NOT NULL,
    codec TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    keyframes TEXT NOT NULL,
    audio INTEGER NOT NULL,
    UNIQUE (camera, file)
  ) STRICT;
  CREATE INDEX segments_by_time ON segments (camera, start_us, duration_us, bytes);
  CREATE INDEX segments_by_sequence ON segments (camera, end_sequence);
  CREATE INDEX segments_by_age ON segments (start_us);
  `,
];

/** Selects the cameras in order. The query steps from one to the next, because SQLite reads every row for SELECT DISTINCT. */
export const CAMERAS = `
  WITH RECURSIVE found (camera) AS (
    SELECT min(camera) FROM segments
    UNION ALL
    SELECT (SELECT min(camera) FROM segments WHERE camera > found.camera) FROM found WHERE found.camera IS NOT NULL
  )
  SELECT camera FROM found WHERE camera IS NOT NULL`;

export interface Row {
  readonly id: number;
  readonly camera: string;
  readonly file: string;
  readonly start_us: number;
  readonly last_us: number;
  readonly duration_us: number;
  readonly bytes: number;
  readonly frames: number;
  readonly first_sequence: number;
  readonly end_sequence: number;
  readonly connection: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Times of the keyframes, microseconds after start_us, separated by commas: "0,2000133". */
  readonly keyframes: string;
  readonly audio: number;
}

export function segmentOf(row: Row): Segment {
  return {
    id: row.id,
    camera: row.camera,
    file: row.file,
    startUs: row.start_us,
    lastUs: row.last_us,
    durationUs: row.duration_us,
    bytes: row.bytes,
    frames: row.frames,
    firstSequence: row.first_sequence,
    endSequence: row.end_sequence,
    connection: row.connection,
    codecName: row.codec,
    width: row.width,
    height: row.height,
    keyframesUs: row.keyframes.split(',').map((offsetUs) => row.start_us + Number(offsetUs)),
    audio: row.audio !== 0,
  };
}
