import { constants, createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../base/errors.js';
import { CliError, EXIT } from './exit-codes.js';

/** A file that is written under another name first, so that one that is there is a whole one. */
export class VideoFile {
  readonly #temporary: string;

  private constructor(readonly path: string) {
    this.#temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  }

  /** Throws CliError when there is such a file already and it shall not be replaced. */
  static async prepare(path: string, replace: boolean): Promise<VideoFile> {
    if (!replace && (await exists(path))) {
      throw new CliError(
        EXIT.alreadyExists,
        `${path} is there already: choose another name, or replace it with --force.`,
      );
    }
    return new VideoFile(path);
  }

  /**
   * Writes all of `source`, and resolves with its bytes. `onBytes` hears how many there are so far. Throws CliError, and
   * leaves nothing behind, when the source breaks off or the file cannot be written; throws as the signal says, too.
   */
  async writeAll(source: Readable, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<number> {
    const target = createWriteStream(this.#temporary);
    let bytes = 0;
    // Either ends the other one with its error: what counts is who was first.
    let first: 'source' | 'target' | undefined;
    source.on('error', () => (first ??= 'source'));
    target.on('error', () => (first ??= 'target'));
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
        first === 'source'
          ? `The proxy broke off after ${bytes} bytes (${messageOf(error)}): ${this.path} is not written. Its log says why.`
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
