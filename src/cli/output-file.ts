import { constants, createWriteStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeAtomically } from '../base/atomic-file.js';
import { messageOf } from '../base/errors.js';
import { CliError, EXIT } from './exit-codes.js';

/** A file that is written under a temporary name first, so that an existing file is always complete. */
export class OutputFile {
  private constructor(readonly path: string) {}

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
   * Writes all of `source`, and resolves with its size in bytes. Calls `onBytes` with the size so far. When the source
   * fails, the file cannot be written or `signal` is aborted, no file remains. Throws CliError.
   */
  async writeAll(source: Readable, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<number> {
    let bytes = 0;
    // An error in one stream ends both; the first one is the cause.
    let failed: 'source' | 'target' | undefined;
    source.on('error', () => (failed ??= 'source'));
    source.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      onBytes(bytes);
    });
    // The name contains the process id, so that two commands that write the same file do not mix their data.
    const temporaryPath = join(dirname(this.path), `.${basename(this.path)}.${process.pid}.part`);
    const write = async (path: string): Promise<void> => {
      const target = createWriteStream(path);
      target.on('error', () => (failed ??= 'target'));
      await pipeline(source, target, { signal });
    };
    try {
      await writeAtomically(this.path, write, { temporaryPath });
    } catch (error) {
      throw new CliError(EXIT.failed, this.#failureText(error, signal, failed === 'source', bytes), { cause: error });
    }
    return bytes;
  }

  #failureText(error: unknown, signal: AbortSignal, isConnectionLost: boolean, bytes: number): string {
    if (signal.aborted) return `Stopped before the end: ${this.path} is not written.`;
    if (!isConnectionLost) return `${this.path} cannot be written: ${messageOf(error)}.`;
    return (
      `The connection to the proxy was lost after ${bytes} bytes (${messageOf(error)}): ${this.path} is not written. ` +
      'The log of the proxy says why.'
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
