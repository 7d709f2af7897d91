import type { SegmentFacts } from '../native/types.js';
import type { Connection, Statement } from './database.js';
import { CAMERAS, type Row } from './segment-rows.js';
import { runWrite } from './write-errors.js';

/** The fields of a segment that retention needs. */
export interface SegmentSize {
  readonly id: number;
  readonly camera: string;
  readonly file: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly bytes: number;
}

/**
 * Changes the index, for the recorder. Methods that write throw unavailable, resource_exhausted or failed_precondition when
 * the index cannot be written.
 */
export class SegmentWriter {
  readonly #insert: Statement<[Omit<Row, 'id'>]>;
  readonly #remove: Statement<[number]>;
  readonly #find: Statement<[string, string], number>;
  readonly #endSequence: Statement<[string], number | null>;
  readonly #sums: Statement<[], { camera: string; bytes: number }>;
  readonly #files: Statement<[string, number, number], { id: number; file: string; bytes: number }>;
  readonly #cameras: Statement<[], string>;
  readonly #oldest: Statement<[number, number, number], SegmentSize>;
  readonly #oldestOf: Statement<[string, number, number, number], SegmentSize>;

  constructor(database: Connection) {
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
    const { startUs } = facts;
    const row = {
      camera,
      file,
      start_us: startUs,
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
      keyframes: facts.keyframesUs.map((keyframeUs) => keyframeUs - startUs).join(),
      audio: Number(facts.audio),
    };
    runWrite(() => this.#insert.run(row));
  }

  remove(id: number): void {
    runWrite(() => this.#remove.run(id));
  }

  knows(camera: string, file: string): boolean {
    return this.#find.get(camera, file) !== undefined;
  }

  /** The sequence after a camera's last recorded packet; 0 = the camera has no recordings. */
  endSequence(camera: string): number {
    return this.#endSequence.get(camera) ?? 0;
  }

  /** The bytes of each camera's segments. Reads the whole index. */
  sums(): ReadonlyMap<string, number> {
    return new Map(this.#sums.all().map(({ camera, bytes }) => [camera, bytes]));
  }

  /** The cameras that have segments. */
  cameras(): readonly string[] {
    return this.#cameras.all();
  }

  /** Up to `limit` files of a camera with ids after `afterId`, in the order of ids. */
  files(camera: string, afterId: number, limit: number): readonly { id: number; file: string; bytes: number }[] {
    return this.#files.all(camera, afterId, limit);
  }

  /** Up to `limit` segments of a camera, or of all cameras, that begin after the segment `after`, oldest first. */
  oldest(camera: string | undefined, after: SegmentSize | undefined, limit: number): readonly SegmentSize[] {
    const at = [after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? 0, limit] as const;
    return camera === undefined ? this.#oldest.all(...at) : this.#oldestOf.all(camera, ...at);
  }
}
