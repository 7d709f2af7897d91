/** Makes one folder slow for one program; see slow-disk.c. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('slow-disk.c', import.meta.url));

export class SlowDisk {
  readonly #own = mkdtempSync(join(tmpdir(), 'slow-disk-'));

  /** Needs a C compiler. The disk keeps its speed until `slow` is called. */
  constructor(readonly folder: string) {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', this.#library, SOURCE, '-ldl']);
    this.slow(0);
  }

  /** Environment variables for the program. */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, SLOW_DISK_FOLDER: this.folder, SLOW_DISK_FILE: this.#file };
  }

  /** Sets the duration of each write and each sync of a file. */
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
