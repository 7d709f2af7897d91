import type Database from 'better-sqlite3';
import { explainWriteError } from './write-errors.js';

/** Which frame ids were given to cameras. A name keeps its count when the camera is removed: its frames may be known elsewhere. */
export class FrameIds {
  readonly #reserve: Database.Statement<[{ camera: string; count: number }], { next: number }>;
  readonly #next: Database.Statement<[string], { next: number }>;

  constructor(database: Database.Database) {
    this.#reserve = database.prepare(
      `INSERT INTO frame_ids VALUES (@camera, 1 + @count)
        ON CONFLICT (camera) DO UPDATE SET next = next + @count RETURNING next`,
    );
    this.#next = database.prepare('SELECT next FROM frame_ids WHERE camera = ?');
  }

  /**
   * The first of `count` ids that nobody had before and nobody gets again. Throws unavailable, resource_exhausted or
   * failed_precondition when it cannot be written.
   */
  reserve(camera: string, count: number): number {
    try {
      const row = this.#reserve.get({ camera, count });
      if (row === undefined) throw new Error('an INSERT … RETURNING returned nothing');
      return row.next - count;
    } catch (error) {
      throw explainWriteError(error);
    }
  }

  /** The first id that was never reserved. */
  next(camera: string): number {
    return this.#next.get(camera)?.next ?? 1;
  }
}
