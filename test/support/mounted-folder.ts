/** A small file system in memory, for tests of a disk that is full or read-only. Needs root. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait.js';

const REMOUNT_BOUND_MS = 60_000;

export class MountedFolder {
  private constructor(readonly path: string) {}

  /** Returns the reason as a sentence when this machine does not allow mounting. */
  static mount(megabytes: number): MountedFolder | string {
    const path = mkdtempSync(join(tmpdir(), 'chrysproxy-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'chrysproxy-test', path], { stdio: 'pipe' });
    } catch (error) {
      rmSync(path, { recursive: true, force: true });
      return `no file system can be mounted here: ${String((error as { stderr?: unknown }).stderr ?? error).trim()}`;
    }
    return new MountedFolder(path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Uses all free space until `makeRoom`. */
  fill(): void {
    try {
      for (let at = 0; ; at += 1) writeFileSync(this.#ballast, Buffer.alloc(64 * 1024), { flag: at === 0 ? 'w' : 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  makeRoom(): void {
    rmSync(this.#ballast);
  }

  /** Makes the disk read-only. Retries until no process has a file open for writing. */
  async readOnly(): Promise<void> {
    await waitFor('the disk to become read-only', REMOUNT_BOUND_MS, () => {
      execFileSync('mount', ['-o', 'remount,ro', this.path], { stdio: 'pipe' });
      return true;
    });
  }

  writable(): void {
    execFileSync('mount', ['-o', 'remount,rw', this.path]);
  }

  /** Unmounts the disk. Open files remain open. */
  unmount(): void {
    execFileSync('umount', ['--lazy', this.path]);
  }

  /** Mounts an empty file system in the same place. */
  mountAgain(): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'chrysproxy-test', this.path]);
  }

  dispose(): void {
    this.unmount();
    rmSync(this.path, { recursive: true, force: true });
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}
