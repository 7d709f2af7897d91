/** A disk that takes its time, for one program and one folder: see slow-disk.c. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('slow-disk.c', import.meta.url));

export class SlowDisk {
  readonly #own = mkdtempSync(join(tmpdir(), 'slow-disk-'));

  /** Needs a C compiler, as building the addon does. The disk is as fast as ever until `slow` is called. */
  constructor(readonly folder: string) {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', this.#library, SOURCE, '-ldl']);
    this.slow(0);
  }

  /** For the program whose disk it is. */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, SLOW_DISK_FOLDER: this.folder, SLOW_DISK_FILE: this.#file };
  }

  /** What each write and each sync of a file takes from now on. */
  slow(ms: number): void {
    writeFileSync(this.#file, String(ms));
  }

  dispose(): void {
    rmSync(this.#own, { recursive: true, force: true });
  }

  get #library(): string {
    return join(this.#own, 'slow-disk.so');
  }

  get #file(): string {
    return join(this.#own, 'ms');
  }
}
