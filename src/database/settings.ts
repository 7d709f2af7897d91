import type Database from 'better-sqlite3';
import { explainWriteError } from './write-errors.js';

/** The one set of settings there is. */
const NAME = 'default';

export interface Settings {
  readonly name: string;
  /** Names this proxy to the cloud; '' = not set. */
  readonly edgeKey: string;
  /** Signs requests to the cloud; '' = not set. Never shown. */
  readonly edgeSecret: string;
  /** Milliseconds since the epoch, 0 = never written. */
  readonly createdMs: number;
  readonly modifiedMs: number;
}

interface Row {
  readonly name: string;
  readonly edge_key: string;
  readonly edge_secret: string;
  readonly created_ms: number;
  readonly modified_ms: number;
}

export class SettingsStore {
  readonly #get: Database.Statement<[string], Row>;
  readonly #put: Database.Statement<[Row]>;

  constructor(database: Database.Database) {
    this.#get = database.prepare('SELECT * FROM settings WHERE name = ?');
    this.#put = database.prepare(
      `INSERT INTO settings VALUES (@name, @edge_key, @edge_secret, @created_ms, @modified_ms)
       ON CONFLICT (name) DO UPDATE SET
         edge_key = excluded.edge_key, edge_secret = excluded.edge_secret, modified_ms = excluded.modified_ms`,
    );
  }

  get(): Settings {
    const row = this.#get.get(NAME);
    return {
      name: NAME,
      edgeKey: row?.edge_key ?? '',
      edgeSecret: row?.edge_secret ?? '',
      createdMs: row?.created_ms ?? 0,
      modifiedMs: row?.modified_ms ?? 0,
    };
  }

  /** Replaces both; '' takes one away. Throws a ChrysError when it cannot be written. */
  put(edgeKey: string, edgeSecret: string, nowMs: number): Settings {
    try {
      this.#put.run({ name: NAME, edge_key: edgeKey, edge_secret: edgeSecret, created_ms: nowMs, modified_ms: nowMs });
    } catch (error) {
      throw explainWriteError(error);
    }
    return this.get();
  }
}
