import { ChrysError } from '../base/errors.js';
import { rangeInUs } from '../base/microseconds.js';
import type { Clip } from './clip.js';
import type { Connection, Statement } from './database.js';
import { explainWriteError, isSqliteError, runWrite } from './write-errors.js';

interface Row {
  readonly id: number;
  readonly camera: string;
  readonly name: string;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly created_ms: number;
}

/** Microseconds since the epoch, inclusive. */
interface ClipSpan {
  readonly camera: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** The kept clips. They remain when their camera is removed, because its recordings remain, too. */
export class ClipStore {
  readonly #list: Statement<[string], Row>;
  readonly #get: Statement<[string, number], Row>;
  readonly #insert: Statement<[Omit<Row, 'id'>]>;
  readonly #remove: Statement<[string, number]>;
  readonly #all: Statement<[], Row>;

  constructor(database: Connection) {
    this.#list = database.prepare('SELECT * FROM clips WHERE camera = ? ORDER BY from_ms, id');
    this.#get = database.prepare('SELECT * FROM clips WHERE camera = ? AND id = ?');
    this.#insert = database.prepare(
      `INSERT INTO clips (camera, name, from_ms, to_ms, created_ms)
       VALUES (@camera, @name, @from_ms, @to_ms, @created_ms)`,
    );
    this.#remove = database.prepare('DELETE FROM clips WHERE camera = ? AND id = ?');
    this.#all = database.prepare('SELECT * FROM clips ORDER BY camera, from_ms, id');
  }

  /** The clips of one camera, in the order of `fromMs`. */
  list(camera: string): Clip[] {
    return this.#list.all(camera).map(clipOf);
  }

  get(camera: string, id: number): Clip | undefined {
    const row = this.#get.get(camera, id);
    return row && clipOf(row);
  }

  /** Throws already_exists, and unavailable, resource_exhausted or failed_precondition when the clip cannot be written. */
  add({ camera, name, fromMs, toMs, createdMs }: Omit<Clip, 'id'>): Clip {
    try {
      const row = { camera, name, from_ms: fromMs, to_ms: toMs, created_ms: createdMs };
      const id = Number(this.#insert.run(row).lastInsertRowid);
      return clipOf({ id, ...row });
    } catch (error) {
      if (isSqliteError(error) && error.code === 'SQLITE_CONSTRAINT_UNIQUE') {
        const text = `Camera "${camera}" has a clip "${name}" already. Remove it first, or choose another name.`;
        throw new ChrysError('already_exists', text, { cause: error });
      }
      throw explainWriteError(error);
    }
  }

  /** False: there is no such clip. Throws like `add` when the database cannot be written. */
  remove(camera: string, id: number): boolean {
    return runWrite(() => this.#remove.run(camera, id).changes > 0);
  }

  /** The parts of all recordings that retention must keep, ordered by camera and `fromUs`. They may overlap. */
  protectedSpans(): ClipSpan[] {
    return this.#all.all().map(({ camera, from_ms, to_ms }) => ({
      camera,
      ...rangeInUs(from_ms, to_ms),
    }));
  }
}

function clipOf({ id, camera, name, from_ms, to_ms, created_ms }: Row): Clip {
  return { id, camera, name, fromMs: from_ms, toMs: to_ms, createdMs: created_ms };
}
