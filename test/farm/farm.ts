/** A camera farm as a child process. farm.py describes mounts and timing files. */
import { killChild } from '../support/kill-child.js';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface MountOptions {
  readonly path: string;
  /** Name of a clip, see make_clips.py: `h264-640x480-25-g50`. */
  readonly clip: string;
  readonly shared?: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly auth?: 'digest' | 'basic';
  readonly sound?: 'aac' | 'opus' | 'pcmu';
  readonly host?: '127.0.0.1' | '::1';
  /** Paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The only transport that is offered. Default: both. */
  readonly protocol?: 'tcp' | 'udp';
  readonly then?: { readonly clip: string; readonly after: number };
}

interface MountAnswer {
  readonly url: string;
  readonly timing: string;
}

interface ReadyAnswer {
  readonly ports: readonly number[];
  readonly mounts: Readonly<Record<string, MountAnswer>>;
}

export interface FarmCounts {
  /** Open RTSP connections. */
  readonly clients: number;
  /** Sessions that TEARDOWN has not ended. Without it, a session over UDP lasts a minute longer than its connection. */
  readonly sessions: number;
  /** Number of access units pushed so far, by mount. */
  readonly pushed: Readonly<Record<string, number>>;
}

const SCRIPT = fileURLToPath(new URL('farm.py', import.meta.url));
/** Long enough to make clips. */
const READY_TIMEOUT_MS = 180_000;

export class Farm {
  #child: ChildProcess | undefined;
  #ports: readonly number[] = [];
  /** Folder of the timing files. They keep their paths over a restart. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'camera-farm-'));
  readonly #mountOptions: MountOptions[];
  readonly #mounts = new Map<string, MountAnswer>();
  readonly #answers: ((line: string) => void)[] = [];

  private constructor(mounts: readonly MountOptions[]) {
    this.#mountOptions = [...mounts];
    process.on('exit', this.#killAtExit);
  }

  static async start(options: { readonly mounts: readonly MountOptions[] }): Promise<Farm> {
    const farm = new Farm(options.mounts);
    await farm.#spawn();
    return farm;
  }

  /** URL of a mount, by default with its credentials. */
  url(path: string, credentials?: string): string {
    const mount = this.#mount(path);
    const options = this.#mountOptions.find((candidate) => candidate.path === path);
    const user = credentials ?? (options?.user === undefined ? '' : `${options.user}:${options.password ?? ''}`);
    return user === '' ? mount.url : mount.url.replace('://', `://${user}@`);
  }

  /** Path of the timing file of a mount, see farm.py. */
  timingFile(path: string): string {
    return this.#mount(path).timing;
  }

  /** When the picture with this number was last pushed, microseconds since the epoch; 0 = never. */
  pushedAtUs(path: string, frameNumber: number): number {
    const entry = Buffer.alloc(8);
    const file = openSync(this.#mount(path).timing, 'r');
    try {
      readSync(file, entry, 0, 8, frameNumber * 8);
    } finally {
      closeSync(file);
    }
    return Number(entry.readBigInt64LE());
  }

  /** Kills the process: connections are reset, ports are closed. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await killChild(child);
  }

  /** Starts the farm again, with the same ports and mounts. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#spawn();
  }

  /** Stops the process with SIGSTOP: connections stay open and silent. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.#killAtExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async add(mount: MountOptions): Promise<void> {
    const answer = await this.#command({ cmd: 'add', mount });
    this.#mountOptions.push(mount);
    this.#mounts.set(mount.path, answer as MountAnswer);
  }

  async remove(path: string): Promise<void> {
    await this.#command({ cmd: 'remove', path });
    this.#mounts.delete(path);
    this.#mountOptions.splice(
      this.#mountOptions.findIndex((mount) => mount.path === path),
      1,
    );
  }

  /** Closes the connections of all clients. The farm keeps running. */
  async disconnect(): Promise<void> {
    await this.#command({ cmd: 'disconnect' });
  }

  /** Sets the certificate of a mount's port for new connections. */
  async changeCertificate(path: string, tls: { readonly cert: string; readonly key: string }): Promise<void> {
    await this.#command({ cmd: 'certificate', path, tls });
  }

  async counts(): Promise<FarmCounts> {
    return (await this.#command({ cmd: 'clients' })) as FarmCounts;
  }

  readonly #killAtExit = (): void => {
    this.#child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  #mount(path: string): MountAnswer {
    const mount = this.#mounts.get(path);
    if (mount === undefined) throw new Error(`The farm has no mount "${path}"`);
    return mount;
  }

  async #spawn(): Promise<void> {
    const options = { ports: this.#ports, folder: this.#folder, mounts: this.#mountOptions };
    const child = spawn('/usr/bin/python3', [SCRIPT, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    child.once('exit', (code, signal) => {
      const line = JSON.stringify({ error: `The farm has ended (${signal ?? String(code)})` });
      for (const answer of this.#answers.splice(0)) answer(line);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#answers.shift()?.(line));
    const ready = (await this.#answer(READY_TIMEOUT_MS)) as ReadyAnswer;
    this.#ports = ready.ports;
    for (const [path, mount] of Object.entries(ready.mounts)) this.#mounts.set(path, mount);
  }

  async #command(request: object): Promise<unknown> {
    const stdin = this.#child?.stdin;
    if (!stdin) throw new Error('The farm is not running');
    stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer(READY_TIMEOUT_MS);
  }

  async #answer(timeoutMs: number): Promise<unknown> {
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`No answer from the farm within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#answers.push((text) => {
        clearTimeout(timer);
        resolve(text);
      });
    });
    const answer = JSON.parse(line) as { error?: string };
    if (answer.error !== undefined) throw new Error(`Farm: ${answer.error}`);
    return answer;
  }
}
