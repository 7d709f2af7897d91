import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where the disk of a folder is mounted, so that nothing is written in its place while it is not. Blocks: recorder worker. */
export class MountPoint {
  /** Undefined: nothing was written yet; '' = it is on the system's own disk. */
  private path: string | undefined;

  constructor(private readonly folder: string) {}

  /** Call it when something was written below the folder. */
  learn(): void {
    // What is on the system's own disk may be so only because another is not mounted yet.
    if (this.path !== undefined && this.path !== '') return;
    for (let path = this.folder; path !== dirname(path); path = dirname(path)) {
      if (isMountPoint(path)) {
        this.path = path;
        return;
      }
    }
    this.path = '';
  }

  /** The disk was mounted and is not any more: this is where. */
  get missing(): string | undefined {
    const { path } = this;
    return path === undefined || path === '' || isMountPoint(path) ? undefined : path;
  }
}

function isMountPoint(path: string): boolean {
  const own = statSync(path, { throwIfNoEntry: false });
  return own !== undefined && own.dev !== statSync(dirname(path), { throwIfNoEntry: false })?.dev;
}
