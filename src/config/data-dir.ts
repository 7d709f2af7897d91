import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Environment } from './environment.js';

/** Data directory of the Chrysalis Video Edge Proxy, which containers mount. */
const CHRYSALIS_FOLDER = '/data/chrysalis';

export interface DataDirOptions {
  /** Value of `--data-dir`. */
  readonly dataDir?: string | undefined;
  readonly env: Environment;
  /** Replaces /data/chrysalis in tests. */
  readonly chrysalisFolder?: string;
}

/** The absolute path of the data directory, which may not exist yet. */
export function resolveDataDir(options: DataDirOptions): string {
  const named = options.dataDir ?? options.env['CHRYSPROXY_DATA_DIR'];
  if (named !== undefined && named !== '') {
    return resolve(named);
  }
  const chrysalis = options.chrysalisFolder ?? CHRYSALIS_FOLDER;
  if (isWritableFolder(chrysalis)) {
    return chrysalis;
  }
  const base = options.env['XDG_DATA_HOME'];
  // The XDG specification says that a relative path is invalid and must be ignored.
  if (base !== undefined && isAbsolute(base)) {
    return join(base, 'chrysproxy');
  }
  return join(options.env['HOME'] ?? homedir(), '.local', 'share', 'chrysproxy');
}

/** Creates a missing folder, for its owner only. Throws failed_precondition when the folder cannot be used. */
export function ensureDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ChrysError(
      'failed_precondition',
      `The data directory ${path} cannot be used: ${messageOf(error)}. Make it writable for this user, or name another one with --data-dir.`,
      { cause: error },
    );
  }
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
