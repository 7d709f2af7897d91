import type { Connection, Statement } from './database.js';
import { runWrite } from './write-errors.js';

/** There is one set of settings. */
const NAME = 'default';

export interface Settings {
  readonly name: string;
  /** Identifies this proxy to the cloud; '' = not set. */
  readonly edgeKey: string;
  /** Signs requests to the cloud; '' = not set. Must never be shown. */
  readonly edgeSecret: string;
  /** Milliseconds since the epoch; 0 = never stored. */
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
  readonly #get: Statement<[string], Row>;
  readonly #put: Statement<[Row]>;

  constructor(database: Connection) {
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

  /** Replaces the key and the secret; '' removes one. Throws unavailable, resource_exhausted or failed_precondition when the database cannot be written. */
  put(edgeKey: string, edgeSecret: string, nowMs: number): Settings {
    runWrite(() =>
      this.#put.run({ name: NAME, edge_key: edgeKey, edge_secret: edgeSecret, created_ms: nowMs, modified_ms: nowMs }),
    );
    return this.get();
  }
}
