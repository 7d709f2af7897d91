import Database from 'better-sqlite3';
import { ChrysError } from '../base/errors.js';
import type { Clip } from './clip.js';
import { explainWriteError } from './write-errors.js';

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

/** The protected parts of recordings. They stay when their camera is removed: its recordings do, too. */
export class ClipStore {
  readonly #list: Database.Statement<[string], Row>;
  readonly #get: Database.Statement<[string, number], Row>;
  readonly #insert: Database.Statement<[Omit<Row, 'id'>]>;
  readonly #remove: Database.Statement<[string, number]>;
  readonly #all: Database.Statement<[], Row>;

  constructor(database: Database.Database) {
    this.#list = database.prepare('SELECT * FROM clips WHERE camera = ? ORDER BY from_ms, id');
    this.#get = database.prepare('SELECT * FROM clips WHERE camera = ? AND id = ?');
    this.#insert = database.prepare(
      `INSERT INTO clips (camera, name, from_ms, to_ms, created_ms)
       VALUES (@camera, @name, @from_ms, @to_ms, @created_ms)`,
    );
    this.#remove = database.prepare('DELETE FROM clips WHERE camera = ? AND id = ?');
    this.#all = database.prepare('SELECT * FROM clips ORDER BY camera, from_ms, id');
  }

  /** Of one camera, by their beginnings. */
  list(camera: string): Clip[] {
    return this.#list.all(camera).map(clipOf);
  }

  get(camera: string, id: number): Clip | undefined {
    const row = this.#get.get(camera, id);
    return row && clipOf(row);
  }

  /** Throws already_exists; unavailable, resource_exhausted or failed_precondition when it cannot be written. */
  add({ camera, name, fromMs, toMs, createdMs }: Omit<Clip, 'id'>): Clip {
    try {
      const row = { camera, name, from_ms: fromMs, to_ms: toMs, created_ms: createdMs };
      const id = Number(this.#insert.run(row).lastInsertRowid);
      return clipOf({ id, ...row });
    } catch (error) {
      if (error instanceof Database.SqliteError && error.code === 'SQLITE_CONSTRAINT_UNIQUE') {
        const text = `Camera "${camera}" has a clip "${name}" already. Remove it first, or choose another name.`;
        throw new ChrysError('already_exists', text, { cause: error });
      }
      throw explainWriteError(error);
    }
  }

  /** False when there was none. Throws like add when it cannot be written. */
  remove(camera: string, id: number): boolean {
    try {
      return this.#remove.run(camera, id).changes > 0;
    } catch (error) {
      throw explainWriteError(error);
    }
  }

  /** What may not be cleaned away, of all cameras: by camera, and of each by their beginnings. They may overlap. */
  protectedSpans(): ClipSpan[] {
    return this.#all.all().map(({ camera, from_ms, to_ms }) => ({
      camera,
      fromUs: from_ms * 1000,
      toUs: to_ms * 1000 + 999,
    }));
  }
}

function clipOf({ id, camera, name, from_ms, to_ms, created_ms }: Row): Clip {
  return { id, camera, name, fromMs: from_ms, toMs: to_ms, createdMs: created_ms };
}
