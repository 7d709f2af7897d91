import { constants, createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../base/errors.js';
import { CliError, EXIT } from './exit-codes.js';

/** A file that is written under a temporary name first, so that an existing file is always complete. */
export class OutputFile {
  readonly #temporary: string;

  private constructor(readonly path: string) {
    this.#temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  }

  /** Throws CliError when the file exists and `replace` is false. */
  static async prepare(path: string, replace: boolean): Promise<OutputFile> {
    if (!replace && (await exists(path))) {
      throw new CliError(
        EXIT.alreadyExists,
        `${path} exists already: choose another name, or replace it with --force.`,
      );
    }
    return new OutputFile(path);
  }

  /**
   * Writes all of `source`, and resolves with its size in bytes. Calls `onBytes` with the size so far. Throws CliError,
   * and leaves no file behind, when the source fails, the file cannot be written, or `signal` is aborted.
   */
  async writeAll(source: Readable, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<number> {
    const target = createWriteStream(this.#temporary);
    let bytes = 0;
    // An error in one stream ends both; the first one is the cause.
    let failed: 'source' | 'target' | undefined;
    source.on('error', () => (failed ??= 'source'));
    target.on('error', () => (failed ??= 'target'));
    source.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      onBytes(bytes);
    });
    try {
      await pipeline(source, target, { signal });
      await rename(this.#temporary, this.path);
    } catch (error) {
      await rm(this.#temporary, { force: true }).catch(() => undefined);
      if (signal.aborted) {
        throw new CliError(EXIT.failed, `Stopped before the end: ${this.path} is not written.`, { cause: error });
      }
      const why =
        failed === 'source'
          ? `The connection to the proxy was lost after ${bytes} bytes (${messageOf(error)}): ${this.path} is not written. The log of the proxy says why.`
          : `${this.path} cannot be written: ${messageOf(error)}.`;
      throw new CliError(EXIT.failed, why, { cause: error });
    }
    return bytes;
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
