import { chmodSync, closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { ChrysError, messageOf } from '../base/errors.js';

/** How long opening waits for another program that holds the database, for instance a backup. */
const BUSY_TIMEOUT_MS = 5000;
/** The same once it is open: every frame of every camera waits meanwhile, because a statement blocks the thread. */
const BUSY_TIMEOUT_RUNNING_MS = 250;

export interface DatabaseForm {
  /** Marks a file as one of this form; https://www.sqlite.org/pragma.html#pragma_application_id. */
  readonly applicationId: number;
  /** The steps that make the schema, oldest first; `user_version` counts how many a database has had. */
  readonly migrations: readonly string[];
  /** FULL: what was written outlives a power cut. NORMAL: the last of it may not, and nothing is damaged. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** What to do when it is damaged: follows "Restore it from a backup or with "sqlite3 … .recover", or ". */
  readonly elseDo: string;
}

/**
 * Opens a database, makes it when there is none, and brings it to the newest schema. Throws failed_precondition when it
 * is damaged, from a newer version, or not ours: it is never replaced silently.
 */
export function openDatabase(path: string, form: DatabaseForm): Database.Database {
  let database: Database.Database | undefined;
  try {
    createPrivately(path);
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    checkWhole(database, path, form);
    const version = knownVersion(database, path, form);
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${form.synchronous}`);
    database.pragma('foreign_keys = ON');
    migrate(database, version, form);
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT_RUNNING_MS}`);
    return database;
  } catch (error) {
    database?.close();
    throw explained(error, path, form);
  }
}

/** A second connection to a database that openDatabase has opened in this process. */
export function openAgain(path: string, form: DatabaseForm, access: 'read' | 'write'): Database.Database {
  try {
    const database = new Database(path, {
      readonly: access === 'read',
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_RUNNING_MS,
    });
    if (access === 'write') database.pragma(`synchronous = ${form.synchronous}`);
    return database;
  } catch (error) {
    throw explained(error, path, form);
  }
}

/** SQLite gives the files beside the database (-wal, -shm) the same mode. */
function createPrivately(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

function checkWhole(database: Database.Database, path: string, form: DatabaseForm): void {
  const verdict: unknown = database.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') {
    throw damaged(path, form, String(verdict));
  }
}

/** How many migrations it has had. Throws when it is not ours, or newer than we are; nothing was written to it yet. */
function knownVersion(database: Database.Database, path: string, form: DatabaseForm): number {
  const version = Number(database.pragma('user_version', { simple: true }));
  const applicationId = Number(database.pragma('application_id', { simple: true }));
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  const ours = applicationId === form.applicationId || (applicationId === 0 && version === 0 && tables === 0);
  if (!ours) {
    throw new ChrysError(
      'failed_precondition',
      `${path} is a database, but not one of chrysproxy. Move it away, or name another folder with --data-dir.`,
    );
  }
  if (version > form.migrations.length) {
    throw new ChrysError(
      'failed_precondition',
      `The database ${path} was written by a newer chrysproxy (its schema is ${version}, this version knows ` +
        `${form.migrations.length}). Start that version, or name another folder with --data-dir.`,
    );
  }
  return version;
}

function migrate(database: Database.Database, version: number, form: DatabaseForm): void {
  for (const [index, step] of form.migrations.entries()) {
    if (index >= version) {
      const apply = database.transaction(() => {
        database.exec(step);
        database.pragma(`application_id = ${form.applicationId}`);
        database.pragma(`user_version = ${index + 1}`);
      });
      apply.exclusive();
    }
  }
}

function explained(error: unknown, path: string, form: DatabaseForm): unknown {
  if (error instanceof Database.SqliteError) {
    if (error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_NOTADB')) {
      return damaged(path, form, error.message, error);
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

function damaged(path: string, form: DatabaseForm, detail: string, cause?: unknown): ChrysError {
  return new ChrysError(
    'failed_precondition',
    `The database ${path} is damaged (${detail}). Restore it from a backup or with "sqlite3 ${path} .recover", ` +
      `or ${form.elseDo}. It was left as it is.`,
    { cause },
  );
}
