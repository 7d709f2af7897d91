import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../base/atomic-file.js';
import { messageOf } from '../base/errors.js';
import { CliError, EXIT } from './exit-codes.js';

/** Digits of a frame id in a file name, so that names with the same millisecond sort by id. */
const ID_DIGITS = 10;

/** `20260102T030405.678Z_0000000042.jpg`: sorts by time, and is unique for a camera. */
export function frameFileName(timestampMs: number, frameId: number): string {
  const time = new Date(timestampMs).toISOString().replaceAll(/[-:]/g, '');
  return `${time}_${String(frameId).padStart(ID_DIGITS, '0')}.jpg`;
}

/** A folder of frames. Its files are always complete. */
export class FrameFolder {
  private constructor(readonly path: string) {}

  /** Creates the folder when it is missing. Throws CliError. */
  static async open(path: string): Promise<FrameFolder> {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw unwritable(path, error);
    }
    return new FrameFolder(path);
  }

  /** Writes a file. After an error, no file remains. Throws CliError. */
  async write(name: string, content: Uint8Array): Promise<void> {
    const path = join(this.path, name);
    try {
      await writeAtomically(path, async (temporaryPath) => {
        await writeFile(temporaryPath, content);
      });
    } catch (error) {
      throw unwritable(path, error);
    }
  }
}

function unwritable(path: string, error: unknown): CliError {
  return new CliError(EXIT.failed, `${path} cannot be written: ${messageOf(error)}.`, { cause: error });
}
