import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Remembers where the disk of a folder is mounted, so that nothing is written to the mount point while the disk is away.
 * Blocks. Recorder thread.
 */
export class MountPoint {
  /** Undefined: nothing was written yet. '': the folder is on the system disk. */
  private path: string | undefined;

  constructor(private readonly folder: string) {}

  /** Stores the mount point. The caller calls this after each write below the folder. */
  learn(): void {
    // '' is checked again: the folder may be on the system disk only because its own disk is not mounted yet.
    if (this.path !== undefined && this.path !== '') return;
    for (let path = this.folder; path !== dirname(path); path = dirname(path)) {
      if (isMountPoint(path)) {
        this.path = path;
        return;
      }
    }
    this.path = '';
  }

  /** The mount point of a disk that was mounted and is away now. Undefined: the disk is not away. */
  get missing(): string | undefined {
    const { path } = this;
    return path === undefined || path === '' || isMountPoint(path) ? undefined : path;
  }
}

function isMountPoint(path: string): boolean {
  const own = statSync(path, { throwIfNoEntry: false });
  return own !== undefined && own.dev !== statSync(dirname(path), { throwIfNoEntry: false })?.dev;
}
