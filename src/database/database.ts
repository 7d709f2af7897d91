import { chmodSync, closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { ChrysError, messageOf } from '../base/errors.js';
import { isSqliteError } from './write-errors.js';

/** How long opening waits for another program that holds the database, for example a backup. */
const BUSY_TIMEOUT_MS = 5000;
/**
 * How long a statement waits for another program that holds the database. A statement blocks its thread: on the main
 * thread all frames wait until it returns. A write to a FULL database also waits for the disk to sync, without a limit.
 */
const BUSY_TIMEOUT_RUNNING_MS = 250;

/** A connection, for one thread. Other folders use these types, so that only this folder depends on better-sqlite3. */
export type Connection = Database.Database;
export type Statement<Parameters extends unknown[], Row = unknown> = Database.Statement<Parameters, Row>;

export interface DatabaseSchema {
  /** Identifies the kind of database; see https://www.sqlite.org/pragma.html#pragma_application_id. */
  readonly applicationId: number;
  /** The steps that create the schema, oldest first. `user_version` is the number of steps that were applied to a database. */
  readonly migrations: readonly string[];
  /** FULL: every write survives a power cut. NORMAL: the last writes may be lost, but the database is not damaged. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** What to do with a damaged database, after "Restore it from a backup or with "sqlite3 … .recover", or ". */
  readonly adviceIfDamaged: string;
}

/**
 * Opens a database, or creates it, and migrates it to the newest schema. Throws failed_precondition when the file is
 * damaged, from a newer version, or of another program; such a file is left as it is.
 */
export function openDatabase(path: string, schema: DatabaseSchema): Connection {
  let database: Connection | undefined;
  try {
    createPrivately(path);
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    checkIntegrity(database, path, schema);
    const version = knownVersion(database, path, schema);
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${schema.synchronous}`);
    database.pragma('foreign_keys = ON');
    migrate(database, version, schema);
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT_RUNNING_MS}`);
    return database;
  } catch (error) {
    database?.close();
    throw openErrorOf(error, path, schema);
  }
}

/** Opens another connection to a database that openDatabase has opened in this process. */
export function openSecondConnection(path: string, schema: DatabaseSchema, access: 'read' | 'write'): Connection {
  try {
    const database = new Database(path, {
      readonly: access === 'read',
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_RUNNING_MS,
    });
    if (access === 'write') database.pragma(`synchronous = ${schema.synchronous}`);
    return database;
  } catch (error) {
    throw openErrorOf(error, path, schema);
  }
}

/** Only the owner may read it. SQLite gives the files beside the database (-wal, -shm) the same mode. */
function createPrivately(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

function checkIntegrity(database: Connection, path: string, schema: DatabaseSchema): void {
  const verdict: unknown = database.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') {
    throw damagedError(path, schema, String(verdict));
  }
}

/** The number of migrations that were applied. Throws, before anything is written, when the database cannot be used. */
function knownVersion(database: Connection, path: string, schema: DatabaseSchema): number {
  const version = Number(database.pragma('user_version', { simple: true }));
  const applicationId = Number(database.pragma('application_id', { simple: true }));
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  const ours = applicationId === schema.applicationId || (applicationId === 0 && version === 0 && tables === 0);
  if (!ours) {
    throw new ChrysError(
      'failed_precondition',
      `${path} is a database, but not one of chrysproxy. Move it away, or name another folder with --data-dir.`,
    );
  }
  if (version > schema.migrations.length) {
    throw new ChrysError(
      'failed_precondition',
      `The database ${path} was written by a newer chrysproxy (its schema is ${version}, this version knows ` +
        `${schema.migrations.length}). Start that version, or name another folder with --data-dir.`,
    );
  }
  return version;
}

function migrate(database: Connection, version: number, schema: DatabaseSchema): void {
  for (const [index, step] of schema.migrations.entries()) {
    if (index >= version) {
      const apply = database.transaction(() => {
        database.exec(step);
        database.pragma(`application_id = ${schema.applicationId}`);
        database.pragma(`user_version = ${index + 1}`);
      });
      apply.exclusive();
    }
  }
}

function openErrorOf(error: unknown, path: string, schema: DatabaseSchema): unknown {
  if (isSqliteError(error)) {
    if (error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_NOTADB')) {
      return damagedError(path, schema, error.message, error);
    }
    if (error.code.startsWith('SQLITE_BUSY')) {
      const text = `The database ${path} has been held by another program for more than ${BUSY_TIMEOUT_MS / 1000} s. Close that program and try again.`;
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

function damagedError(path: string, schema: DatabaseSchema, detail: string, cause?: unknown): ChrysError {
  return new ChrysError(
    'failed_precondition',
    `The database ${path} is damaged (${detail}). Restore it from a backup or with "sqlite3 ${path} .recover", ` +
      `or ${schema.adviceIfDamaged}. It was left as it is.`,
    { cause },
  );
}
