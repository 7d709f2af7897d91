import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ChrysError, messageOf } from '../base/errors.js';

const LOCK_FILE = 'chrysproxy.lock';
const PID_FILE = 'chrysproxy.pid';

/** The lock on a data directory. The kernel releases it when the process ends or crashes. */
export interface DataDirLock {
  release(): void;
}

/**
 * Locks the data directory for this process. Throws failed_precondition with the pid of the process that has the lock. The
 * lock is an exclusive SQLite transaction on a separate file, because Node has no file locks.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const pidPath = join(dataDir, PID_FILE);
  const database = openLocked(dataDir, pidPath);
  writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 });
  return {
    release() {
      rmSync(pidPath, { force: true });
      database.close();
    },
  };
}

function openLocked(dataDir: string, pidPath: string): Database.Database {
  const path = join(dataDir, LOCK_FILE);
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new ChrysError(
        'failed_precondition',
        `The data directory ${dataDir} is in use by another chrysproxy${ownerOf(pidPath)}. Stop it, or name ` +
          'another folder with --data-dir.',
        { cause: error },
      );
    }
    throw new ChrysError(
      'failed_precondition',
      `The data directory ${dataDir} cannot be locked: ${messageOf(error)} (${path}). Make the folder writable for ` +
        'this user, or name another with --data-dir.',
      { cause: error },
    );
  }
}

/** ` (pid 123)`, or '' before the other process has written the file. */
function ownerOf(pidPath: string): string {
  try {
    const pid = readFileSync(pidPath, 'utf8').trim();
    return /^\d+$/.test(pid) ? ` (pid ${pid})` : '';
  } catch {
    return '';
  }
}
