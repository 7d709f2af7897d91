import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { SegmentFacts } from '../native/types.js';
import { openSecondConnection, openDatabase, type DatabaseSchema } from './database.js';
import type { Segment, SegmentRange } from './segment.js';
import { explainWriteError } from './write-errors.js';

export const SEGMENT_INDEX_FILE = 'recordings.db';

/** As those of the store: a step that was released is never edited. */
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

/** The files are the truth and the index can be made of them, so it need not be synced with every segment. */
const FORM: DatabaseSchema = {
  /** "ChrR". */
  applicationId: 0x43687252,
  migrations: SEGMENT_MIGRATIONS,
  synchronous: 'NORMAL',
  adviceIfDamaged: 'move it away: it is made anew from the recorded files',
};

/**
 * Segments overlap only where the wall clock was set back between two runs of the proxy. So many that begin before a
 * moment are looked at for one that lasts beyond it.
 */
const OVERLAPPING = 4;

/** In their order. From one to the next, because SQLite reads every row for SELECT DISTINCT. */
const CAMERAS = `
  WITH RECURSIVE found (camera) AS (
    SELECT min(camera) FROM segments
    UNION ALL
    SELECT (SELECT min(camera) FROM segments WHERE camera > found.camera) FROM found WHERE found.camera IS NOT NULL
  )
  SELECT camera FROM found WHERE camera IS NOT NULL`;

interface Row {
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
  /** Microseconds of each keyframe after start_us, with commas: "0,2000133". */
  readonly keyframes: string;
  readonly audio: number;
}

/** What retention has to know of a segment. */
export interface SegmentSize {
  readonly id: number;
  readonly camera: string;
  readonly file: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly bytes: number;
}

/** What there is of a camera; all 0 = nothing. */
export interface SegmentSums {
  readonly segments: number;
  readonly bytes: number;
  readonly startUs: number;
  /** Where the last segment begins. */
  readonly lastStartUs: number;
  readonly endUs: number;
}

export interface SpanRow {
  readonly startUs: number;
  readonly durationUs: number;
  readonly bytes: number;
  readonly frames: number;
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly connection: number;
}

/**
 * Makes the index in the data directory when there is none and brings it to the newest schema. Throws
 * failed_precondition when it is damaged, from a newer version, or not ours: it is never replaced silently.
 */
export function prepareSegmentIndex(dataDir: string): void {
  openDatabase(join(dataDir, SEGMENT_INDEX_FILE), FORM).close();
}

/** Which segments there are. One connection, for one thread; it must have been prepared in this process. */
export class SegmentIndex {
  readonly #database: Database.Database;
  readonly #get: Database.Statement<[string, number], Row>;
  readonly #has: Database.Statement<[string], number>;
  readonly #any: Database.Statement<[], number>;
  readonly #newest: Database.Statement<[], number>;
  readonly #inRange: Database.Statement<[RangeParameters], Row>;
  readonly #page: Database.Statement<[RangeParameters], Row>;
  readonly #spans: Database.Statement<[RangeParameters], SpanRow>;
  readonly #sums: Database.Statement<[string, number, number], SegmentSums>;
  readonly #cameras: Database.Statement<[], string>;
  readonly #before: Database.Statement<[{ camera: string; momentUs: number }], Row>;
  readonly #after: Database.Statement<[{ camera: string; momentUs: number }], Row>;

  /** Throws failed_precondition. */
  constructor(dataDir: string, access: 'read' | 'write') {
    const database = openSecondConnection(join(dataDir, SEGMENT_INDEX_FILE), FORM, access);
    this.#database = database;
    this.#get = database.prepare('SELECT * FROM segments WHERE camera = ? AND id = ?');
    this.#has = database.prepare<[string], number>('SELECT 1 FROM segments WHERE camera = ? LIMIT 1').pluck();
    this.#any = database.prepare<[], number>('SELECT 1 FROM segments LIMIT 1').pluck();
    this.#newest = database.prepare<[], number>('SELECT last_us FROM segments ORDER BY start_us DESC LIMIT 1').pluck();
    // One lower bound and not several, of which SQLite would use one and read all rows from there on.
    const rangeFrom = (least: string): string => `camera = @camera AND start_us <= @toUs AND last_us >= @fromUs
      AND start_us >= max(${least}, coalesce((SELECT min(start_us) FROM (
        SELECT start_us FROM segments WHERE camera = @camera AND start_us <= @fromUs
        ORDER BY start_us DESC LIMIT ${OVERLAPPING})), @fromUs))`;
    const firstAfter = `(SELECT start_us FROM segments WHERE camera = @camera AND end_sequence > @after + 1
      ORDER BY end_sequence LIMIT 1)`;
    this.#inRange = database.prepare(
      // The "+" keeps SQLite to the index by time.
      `SELECT * FROM segments WHERE ${rangeFrom(firstAfter)} AND +end_sequence > @after + 1
       ORDER BY start_us LIMIT @limit`,
    );
    this.#page = database.prepare(
      `SELECT * FROM segments WHERE ${rangeFrom('@after + 1')} ORDER BY start_us LIMIT @limit`,
    );
    this.#spans = database.prepare(
      `SELECT start_us AS startUs, duration_us AS durationUs, bytes, frames, first_sequence AS firstSequence,
        end_sequence AS endSequence, connection
       FROM segments WHERE ${rangeFrom('@after + 1')} ORDER BY start_us LIMIT @limit`,
    );
    this.#sums = database.prepare(
      `SELECT count(*) AS segments, coalesce(sum(bytes), 0) AS bytes, coalesce(min(start_us), 0) AS startUs,
        coalesce(max(start_us), 0) AS lastStartUs, coalesce(max(start_us + duration_us), 0) AS endUs
       FROM (SELECT start_us, duration_us, bytes FROM segments WHERE camera = ? AND start_us > ?
        ORDER BY start_us LIMIT ?)`,
    );
    this.#cameras = database.prepare<[], string>(CAMERAS).pluck();
    this.#before = database.prepare(
      `SELECT * FROM segments WHERE camera = @camera AND start_us <= @momentUs
       ORDER BY start_us DESC LIMIT ${OVERLAPPING}`,
    );
    this.#after = database.prepare(
      'SELECT * FROM segments WHERE camera = @camera AND start_us > @momentUs ORDER BY start_us LIMIT 1',
    );
  }

  get(camera: string, id: number): Segment | undefined {
    const row = this.#get.get(camera, id);
    return row && segmentOf(row);
  }

  has(camera: string): boolean {
    return this.#has.get(camera) !== undefined;
  }

  /** Whether there is a segment of any camera. */
  get any(): boolean {
    return this.#any.get() !== undefined;
  }

  /** Arrival of the newest packet of all, microseconds since the epoch; 0 = there is none. */
  get newestUs(): number {
    return this.#newest.get() ?? 0;
  }

  /** Those that have segments. */
  cameras(): readonly string[] {
    return this.#cameras.all();
  }

  /** Of at most `limit` segments that begin after a moment. Takes about a millisecond for 10 000. */
  sums(camera: string, afterUs: number, limit: number): SegmentSums {
    const sums = this.#sums.get(camera, afterUs, limit);
    return sums ?? { segments: 0, bytes: 0, startUs: 0, lastStartUs: 0, endUs: 0 };
  }

  /** As SegmentLookup.inRange. */
  inRange(camera: string, range: SegmentRange): readonly Segment[] {
    const { fromUs, toUs, afterSequence: after, limit } = range;
    return this.#inRange.all({ camera, fromUs, toUs, after, limit }).map(segmentOf);
  }

  /** Segments with a frame in the range that begin after `afterUs`, oldest first. */
  page(camera: string, range: StartRange): readonly Segment[] {
    return this.#page.all(parametersOf(camera, range)).map(segmentOf);
  }

  /** The same, with no more than a timeline needs. */
  spans(camera: string, range: StartRange): readonly SpanRow[] {
    return this.#spans.all(parametersOf(camera, range));
  }

  /** As SegmentLookup.nearest. */
  nearest(camera: string, momentUs: number, keyframesOnly: boolean): Segment | undefined {
    const candidates = [...this.#before.all({ camera, momentUs }), ...this.#after.all({ camera, momentUs })];
    let nearest: Segment | undefined;
    let minUs = Infinity;
    for (const segment of candidates.map(segmentOf)) {
      const distanceUs = keyframesOnly
        ? Math.min(...segment.keyframesUs.map((keyframeUs) => Math.abs(keyframeUs - momentUs)))
        : Math.max(0, segment.startUs - momentUs, momentUs - segment.lastUs);
      if (distanceUs < minUs) [nearest, minUs] = [segment, distanceUs];
    }
    return nearest;
  }

  /** The statements that change it, of a connection that may write. */
  writer(): SegmentWriter {
    return new SegmentWriter(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}

/** Microseconds since the epoch, inclusive; `afterUs` exclusive. */
export interface StartRange {
  readonly fromUs: number;
  readonly toUs: number;
  readonly afterUs: number;
  readonly limit: number;
}

interface RangeParameters {
  readonly camera: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly after: number;
  readonly limit: number;
}

function parametersOf(camera: string, { fromUs, toUs, afterUs: after, limit }: StartRange): RangeParameters {
  return { camera, fromUs, toUs, after, limit };
}

/** Changes the index, for the recorder. Every method throws unavailable, resource_exhausted or failed_precondition. */
export class SegmentWriter {
  readonly #insert: Database.Statement<[Omit<Row, 'id'>]>;
  readonly #remove: Database.Statement<[number]>;
  readonly #find: Database.Statement<[string, string], number>;
  readonly #endSequence: Database.Statement<[string], number | null>;
  readonly #sums: Database.Statement<[], { camera: string; bytes: number }>;
  readonly #files: Database.Statement<[string, number, number], { id: number; file: string; bytes: number }>;
  readonly #cameras: Database.Statement<[], string>;
  readonly #oldest: Database.Statement<[number, number, number], SegmentSize>;
  readonly #oldestOf: Database.Statement<[string, number, number, number], SegmentSize>;

  constructor(database: Database.Database) {
    this.#insert = database.prepare(
      `INSERT INTO segments (camera, file, start_us, last_us, duration_us, bytes, frames, first_sequence, end_sequence,
        connection, codec, width, height, keyframes, audio)
       VALUES (@camera, @file, @start_us, @last_us, @duration_us, @bytes, @frames, @first_sequence, @end_sequence,
        @connection, @codec, @width, @height, @keyframes, @audio)`,
    );
    this.#remove = database.prepare('DELETE FROM segments WHERE id = ?');
    this.#find = database
      .prepare<[string, string], number>('SELECT id FROM segments WHERE camera = ? AND file = ?')
      .pluck();
    this.#endSequence = database
      .prepare<[string], number | null>('SELECT max(end_sequence) FROM segments WHERE camera = ?')
      .pluck();
    this.#sums = database.prepare('SELECT camera, sum(bytes) AS bytes FROM segments GROUP BY camera');
    this.#files = database.prepare(
      'SELECT id, file, bytes FROM segments WHERE camera = ? AND id > ? ORDER BY id LIMIT ?',
    );
    this.#cameras = database.prepare<[], string>(CAMERAS).pluck();
    const size = 'id, camera, file, start_us AS startUs, duration_us AS durationUs, bytes';
    this.#oldest = database.prepare(
      `SELECT ${size} FROM segments WHERE (start_us, id) > (?, ?) ORDER BY start_us, id LIMIT ?`,
    );
    this.#oldestOf = database.prepare(
      `SELECT ${size} FROM segments WHERE camera = ? AND (start_us, id) > (?, ?) ORDER BY start_us, id LIMIT ?`,
    );
  }

  insert(camera: string, file: string, facts: SegmentFacts): void {
    try {
      this.#insert.run({
        camera,
        file,
        start_us: facts.startUs,
        last_us: facts.lastUs,
        duration_us: facts.durationUs,
        bytes: facts.bytes,
        frames: facts.frames,
        first_sequence: facts.firstSequence,
        end_sequence: facts.endSequence,
        connection: facts.connection,
        codec: facts.codecName,
        width: facts.width,
        height: facts.height,
        keyframes: facts.keyframesUs.map((keyframeUs) => keyframeUs - facts.startUs).join(),
        audio: Number(facts.audio),
      });
    } catch (error) {
      throw explainWriteError(error);
    }
  }

  remove(id: number): void {
    try {
      this.#remove.run(id);
    } catch (error) {
      throw explainWriteError(error);
    }
  }

  knows(camera: string, file: string): boolean {
    return this.#find.get(camera, file) !== undefined;
  }

  /** One past the last packet that is recorded of a camera; 0: none is. */
  endSequence(camera: string): number {
    return this.#endSequence.get(camera) ?? 0;
  }

  /** Bytes of each camera that has segments. Reads the whole index. */
  sums(): ReadonlyMap<string, number> {
    return new Map(this.#sums.all().map(({ camera, bytes }) => [camera, bytes]));
  }

  cameras(): readonly string[] {
    return this.#cameras.all();
  }

  /** Files of a camera, by id from the one after `afterId` on. */
  files(camera: string, afterId: number, limit: number): readonly { id: number; file: string; bytes: number }[] {
    return this.#files.all(camera, afterId, limit);
  }

  /** The oldest segments of a camera, or of all, from the one after `after` on. */
  oldest(camera: string | undefined, after: SegmentSize | undefined, limit: number): readonly SegmentSize[] {
    const at = [after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? 0, limit] as const;
    return camera === undefined ? this.#oldest.all(...at) : this.#oldestOf.all(camera, ...at);
  }
}

function segmentOf(row: Row): Segment {
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
