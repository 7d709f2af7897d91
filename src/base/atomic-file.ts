import { closeSync, fsyncSync, openSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface AtomicWriteOptions {
  /** In the folder of the file. Default: `.<name>.part`. */
  readonly temporaryPath?: string;
  /** Whether the file and its name survive a power cut once the write has resolved. Default: false. */
  readonly durable?: boolean;
}

/** Network file systems that cannot sync a folder answer with one of these codes. */
const CANNOT_SYNC = ['EINVAL', 'ENOTSUP', 'ENOSYS'];

/**
 * Lets `write` fill a temporary file and then gives it the name `path`, so that a file of that name is always complete.
 * Removes the temporary file and throws when `write` throws or the disk fails.
 */
export async function writeAtomically<T>(
  path: string,
  write: (temporaryPath: string) => Promise<T>,
  options: AtomicWriteOptions = {},
): Promise<T> {
  const { temporaryPath = join(dirname(path), `.${basename(path)}.part`), durable = false } = options;
  let result: T;
  try {
    result = await write(temporaryPath);
    if (durable) await sync(temporaryPath);
    await rename(temporaryPath, path);
  } catch (error) {
    await rm(temporaryPath, { force: true }).catch(() => undefined);
    throw error;
  }
  if (durable) await syncFolder(dirname(path));
  return result;
}

/** Syncs a folder, so that the names in it survive a power cut. Blocks. */
export function syncFolderSync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  } finally {
    closeSync(descriptor);
  }
}

async function syncFolder(path: string): Promise<void> {
  await sync(path).catch((error: unknown) => {
    if (!isUnsupported(error)) throw error;
  });
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isUnsupported(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' && CANNOT_SYNC.includes(code);
}
