import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.js';
import { CliError, EXIT } from './exit-codes.js';

/** Digits of a frame id in a name, so that names of one millisecond sort, too. */
const ID_DIGITS = 10;

/** `20260102T030405.678Z_0000000042.jpg`: sorts by time, and no two frames of a camera share one. */
export function frameFileName(timestampMs: number, frameId: number): string {
  const time = new Date(timestampMs).toISOString().replaceAll(/[-:]/g, '');
  return `${time}_${String(frameId).padStart(ID_DIGITS, '0')}.jpg`;
}

/** A folder that frames are written into. A file that is there is a whole one. */
export class FrameFolder {
  private constructor(readonly path: string) {}

  /** Makes it when it is not there. Throws CliError. */
  static async open(path: string): Promise<FrameFolder> {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw unwritable(path, error);
    }
    return new FrameFolder(path);
  }

  /** Throws CliError, and leaves nothing half done behind. */
  async write(name: string, content: Uint8Array): Promise<void> {
    const temporary = join(this.path, `.${name}.part`);
    try {
      await writeFile(temporary, content);
      await rename(temporary, join(this.path, name));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw unwritable(join(this.path, name), error);
    }
  }
}

function unwritable(path: string, error: unknown): CliError {
  return new CliError(EXIT.failed, `${path} cannot be written: ${messageOf(error)}.`, { cause: error });
}
