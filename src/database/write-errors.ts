import Database from 'better-sqlite3';
import { ChrysError } from '../base/errors.js';

/** What a person can do about a statement that could not be written; any other error comes back as it is. */
export function explainedWrite(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) {
    return error;
  }
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
    const text = `The database cannot be written (${code}: ${message}). Nothing was stored: look at the disk and the permissions of the data directory.`;
    return new ChrysError('failed_precondition', text, { cause: error });
  }
  return error;
}
