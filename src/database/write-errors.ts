import Database from 'better-sqlite3';
import { ChrysError } from '../base/errors.js';

/** Runs a statement that writes. Throws the errors of explainWriteError. */
export function runWrite<T>(statement: () => T): T {
  try {
    return statement();
  } catch (error) {
    throw explainWriteError(error);
  }
}

/**
 * Turns an error of a write into a ChrysError that says what to do: unavailable, resource_exhausted or
 * failed_precondition. Returns any other error unchanged.
 */
export function explainWriteError(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  const { code, message } = error;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    const text = 'The database is held by another program. Nothing was stored: close that program and try again.';
    return new ChrysError('unavailable', text, { cause: error });
  }
  if (code === 'SQLITE_FULL') {
    const text = 'The disk of the data directory is full. Nothing was stored: free some space and try again.';
    return new ChrysError('resource_exhausted', text, { cause: error });
  }
  if (/^SQLITE_(?:READONLY|IOERR|CANTOPEN)/.test(code)) {
    const text =
      `The database cannot be written (${code}: ${message}). Nothing was stored: check the disk and the permissions ` +
      'of the data directory.';
    return new ChrysError('failed_precondition', text, { cause: error });
  }
  return error;
}

export function isSqliteError(error: unknown): error is InstanceType<typeof Database.SqliteError> {
  return error instanceof Database.SqliteError;
}
