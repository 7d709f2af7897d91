import { chmodSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ChrysError, messageOf } from '../base/errors.js';
import { ClipStore } from './clips.js';
import { FrameIds } from './frame-ids.js';
import { APPLICATION_ID, MIGRATIONS } from './migrations.js';
import { CameraRegistry } from './registry.js';
import { SettingsStore } from './settings.js';

export const DATABASE_FILE = 'chrysproxy.db';

/** How long opening waits for another program that holds the database, for instance a backup. */
const BUSY_TIMEOUT_MS = 5000;
/** The same once it is open: every frame of every camera waits meanwhile, because a statement blocks the thread. */
const BUSY_TIMEOUT_RUNNING_MS = 250;

/** What is kept across restarts. Main thread only; every call is synchronous and durable when it returns. */
export interface Store {
  readonly path: string;
  readonly cameras: CameraRegistry;
  readonly settings: SettingsStore;
  readonly frameIds: FrameIds;
  readonly clips: ClipStore;
  close(): void;
}

/**
 * Opens the database in the data directory, makes it when there is none, and brings it to the newest schema.
 * Throws failed_precondition when it is damaged, from a newer version, or not ours: it is never replaced silently.
 */
export function openStore(dataDir: string): Store {
  const path = join(dataDir, DATABASE_FILE);
  let database: Database.Database | undefined;
  try {
    createPrivately(path);
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    checkWhole(database, path);
    const version = knownVersion(database, path);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    migrate(database, version);
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT_RUNNING_MS}`);
    const opened = database;
    return {
      path,
      cameras: new CameraRegistry(opened),
      settings: new SettingsStore(opened),
      frameIds: new FrameIds(opened),
      clips: new ClipStore(opened),
      close: () => {
        opened.close();
      },
    };
  } catch (error) {
    database?.close();
    throw explained(error, path);
  }
}

/** SQLite gives the files beside the database (-wal, -shm) the same mode. */
function createPrivately(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

function checkWhole(database: Database.Database, path: string): void {
  const verdict: unknown = database.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') {
    throw damaged(path, String(verdict));
  }
}

/** How many migrations it has had. Throws when it is not ours, or newer than we are; nothing was written to it yet. */
function knownVersion(database: Database.Database, path: string): number {
  const version = Number(database.pragma('user_version', { simple: true }));
  const applicationId = Number(database.pragma('application_id', { simple: true }));
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  const ours = applicationId === APPLICATION_ID || (applicationId === 0 && version === 0 && tables === 0);
  if (!ours) {
    throw new ChrysError(
      'failed_precondition',
      `${path} is a database, but not one of chrysproxy. Move it away, or name another folder with --data-dir.`,
    );
  }
  if (version > MIGRATIONS.length) {
    throw new ChrysError(
      'failed_precondition',
      `The database ${path} was written by a newer chrysproxy (its schema is ${version}, this version knows ` +
        `${MIGRATIONS.length}). Start that version, or name another folder with --data-dir.`,
    );
  }
  return version;
}

function migrate(database: Database.Database, version: number): void {
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index >= version) {
      const apply = database.transaction(() => {
        database.exec(step);
        database.pragma(`application_id = ${APPLICATION_ID}`);
        database.pragma(`user_version = ${index + 1}`);
      });
      apply.exclusive();
    }
  }
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof Database.SqliteError) {
    if (error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_NOTADB')) {
      return damaged(path, error.message, error);
    }
    if (error.code.startsWith('SQLITE_BUSY')) {
      const text = `The database ${path} is held by another program for more than ${BUSY_TIMEOUT_MS / 1000} s. Close that program and try again.`;
      return new ChrysError('failed_precondition', text, { cause: error });
    }
  }
  if (error instanceof ChrysError) {
    return error;
  }
  return new ChrysError('failed_precondition', `The database ${path} cannot be opened: ${messageOf(error)}.`, {
    cause: error,
  });
}

function damaged(path: string, detail: string, cause?: unknown): ChrysError {
  return new ChrysError(
    'failed_precondition',
    `The database ${path} is damaged (${detail}). Restore it from a backup or with "sqlite3 ${path} .recover", ` +
      'or move it away to begin with no cameras. It was left as it is.',
    { cause },
  );
}
