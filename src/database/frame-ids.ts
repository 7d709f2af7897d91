import type { Connection, Statement } from './database.js';
import { runWrite } from './write-errors.js';

/**
 * The next unused frame id of each camera. The row remains when a camera is removed, so that a camera of the same name
 * never repeats an id.
 */
export class FrameIds {
  readonly #reserve: Statement<[{ camera: string; count: number }], { next: number }>;
  readonly #next: Statement<[string], { next: number }>;

  constructor(database: Connection) {
    this.#reserve = database.prepare(
      `INSERT INTO frame_ids VALUES (@camera, 1 + @count)
        ON CONFLICT (camera) DO UPDATE SET next = next + @count RETURNING next`,
    );
    this.#next = database.prepare('SELECT next FROM frame_ids WHERE camera = ?');
  }

  /**
   * Reserves `count` new ids and returns the first. Throws unavailable, resource_exhausted or failed_precondition when the
   * database cannot be written.
   */
  reserve(camera: string, count: number): number {
    const row = runWrite(() => this.#reserve.get({ camera, count }));
    if (row === undefined) throw new Error('an INSERT … RETURNING returned nothing');
    return row.next - count;
  }

  /** The first id that was never reserved. */
  next(camera: string): number {
    return this.#next.get(camera)?.next ?? 1;
  }
}
