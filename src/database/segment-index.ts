import { join } from 'node:path';
import {
  openDatabase,
  openSecondConnection,
  type Connection,
  type DatabaseSchema,
  type Statement,
} from './database.js';
import { CAMERAS, SEGMENT_INDEX_FILE, SEGMENT_MIGRATIONS, segmentOf, type Row } from './segment-rows.js';
import { SegmentWriter } from './segment-writer.js';
import type { Segment, SegmentRange } from './segment.js';

/** NORMAL: the index need not be synced with each segment, because it can be rebuilt from the recorded files. */
const SCHEMA: DatabaseSchema = {
  /** "ChrR". */
  applicationId: 0x43687252,
  migrations: SEGMENT_MIGRATIONS,
  synchronous: 'NORMAL',
  adviceIfDamaged: 'move it away: it is rebuilt from the recorded files',
};

/**
 * Maximum number of segments that begin before a moment and are checked for containing it. Segments overlap only where the
 * wall clock was set back between two runs of the proxy.
 */
const MAX_OVERLAPPING = 4;

/** Sums over segments of a camera; all are 0 without segments. */
export interface SegmentSums {
  readonly segments: number;
  readonly bytes: number;
  readonly startUs: number;
  /** Start of the last segment. */
  readonly lastStartUs: number;
  readonly endUs: number;
}

/** The fields of a segment that a timeline needs. */
export interface SpanRow {
  readonly startUs: number;
  readonly durationUs: number;
  readonly bytes: number;
  readonly frames: number;
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly connection: number;
}

/** Creates or migrates the index in the data directory. Throws like openDatabase. */
export function prepareSegmentIndex(dataDir: string): void {
  openDatabase(join(dataDir, SEGMENT_INDEX_FILE), SCHEMA).close();
}

/**
 * The index of the recorded segments. One connection, for one thread. prepareSegmentIndex must have run in this process
 * before.
 */
export class SegmentIndex {
  readonly #database: Connection;
  readonly #get: Statement<[string, number], Row>;
  readonly #has: Statement<[string], number>;
  readonly #any: Statement<[], number>;
  readonly #newest: Statement<[], number>;
  readonly #inRange: Statement<[RangeParameters], Row>;
  readonly #page: Statement<[RangeParameters], Row>;
  readonly #spans: Statement<[RangeParameters], SpanRow>;
  readonly #sums: Statement<[string, number, number], SegmentSums>;
  readonly #cameras: Statement<[], string>;
  readonly #before: Statement<[{ camera: string; momentUs: number }], Row>;
  readonly #after: Statement<[{ camera: string; momentUs: number }], Row>;

  /** Throws failed_precondition. */
  constructor(dataDir: string, access: 'read' | 'write') {
    const database = openSecondConnection(join(dataDir, SEGMENT_INDEX_FILE), SCHEMA, access);
    this.#database = database;
    this.#get = database.prepare('SELECT * FROM segments WHERE camera = ? AND id = ?');
    this.#has = database.prepare<[string], number>('SELECT 1 FROM segments WHERE camera = ? LIMIT 1').pluck();
    this.#any = database.prepare<[], number>('SELECT 1 FROM segments LIMIT 1').pluck();
    this.#newest = database.prepare<[], number>('SELECT last_us FROM segments ORDER BY start_us DESC LIMIT 1').pluck();
    // One lower bound only: with several, SQLite uses one of them and reads all rows after it.
    const rangeFrom = (minStart: string): string => `camera = @camera AND start_us <= @toUs AND last_us >= @fromUs
      AND start_us >= max(${minStart}, coalesce((SELECT min(start_us) FROM (
        SELECT start_us FROM segments WHERE camera = @camera AND start_us <= @fromUs
        ORDER BY start_us DESC LIMIT ${MAX_OVERLAPPING})), @fromUs))`;
    const firstAfter = `(SELECT start_us FROM segments WHERE camera = @camera AND end_sequence > @after + 1
      ORDER BY end_sequence LIMIT 1)`;
    this.#inRange = database.prepare(
      // The "+" makes SQLite use the index by time.
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
       ORDER BY start_us DESC LIMIT ${MAX_OVERLAPPING}`,
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

  /** Whether there is any segment. */
  get hasAny(): boolean {
    return this.#any.get() !== undefined;
  }

  /** Arrival of the newest recorded packet of all cameras, microseconds since the epoch; 0 = there is none. */
  get newestUs(): number {
    return this.#newest.get() ?? 0;
  }

  /** The cameras that have segments. */
  cameras(): readonly string[] {
    return this.#cameras.all();
  }

  /** Sums over up to `limit` segments that begin after `afterUs`. Takes about a millisecond for 10 000 segments. */
  sums(camera: string, afterUs: number, limit: number): SegmentSums {
    const sums = this.#sums.get(camera, afterUs, limit);
    return sums ?? { segments: 0, bytes: 0, startUs: 0, lastStartUs: 0, endUs: 0 };
  }

  /** See SegmentLookup.inRange. */
  inRange(camera: string, range: SegmentRange): readonly Segment[] {
    const { fromUs, toUs, afterSequence: after, limit } = range;
    return this.#inRange.all({ camera, fromUs, toUs, after, limit }).map(segmentOf);
  }

  /** Segments with a frame in the range that begin after `afterUs`, oldest first. */
  page(camera: string, range: StartRange): readonly Segment[] {
    return this.#page.all(parametersOf(camera, range)).map(segmentOf);
  }

  /** Like `page`, with the fields that a timeline needs. */
  spans(camera: string, range: StartRange): readonly SpanRow[] {
    return this.#spans.all(parametersOf(camera, range));
  }

  /** See SegmentLookup.nearest. */
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

  /** For a connection with write access. */
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
