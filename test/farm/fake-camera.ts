/**
 * Fake RTSP cameras with faults. All cameras of a test run in one child process, so that the test does not disturb their
 * timing. fake-camera/options.ts lists the faults.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CameraCounts, CameraOptions } from './fake-camera/options.js';
import type { Command, Reply } from './fake-camera/protocol.js';

export type { CameraCounts, CameraOptions } from './fake-camera/options.js';

const PROGRAM = fileURLToPath(new URL('fake-camera/main.ts', import.meta.url));
/** Long enough to make clips. */
const READY_BOUND_MS = 180_000;

interface Waiting {
  readonly resolve: (counts: CameraCounts) => void;
  readonly reject: (error: Error) => void;
}

export class FakeCameras<Name extends string> {
  readonly #waiting = new Map<number, Waiting>();
  #ports: Readonly<Record<string, number>> = {};
  #lastId = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly options: Readonly<Record<Name, CameraOptions>>,
  ) {
    process.on('exit', this.#killAtExit);
  }

  /** Resolves when all cameras listen. */
  static async start<Name extends string>(cameras: Readonly<Record<Name, CameraOptions>>): Promise<FakeCameras<Name>> {
    const execArgv = ['--import', 'tsx'];
    const child = fork(PROGRAM, [JSON.stringify(cameras)], {
      execArgv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const started = new FakeCameras(child, cameras);
    await started.#ready();
    return started;
  }

  /** URL of the camera. `account`: `user:password`, '' = none, default: the account of the camera. */
  url(name: Name, { account, path = '/cam' }: { readonly account?: string; readonly path?: string } = {}): string {
    const { auth, tls, host = '127.0.0.1' } = this.options[name];
    const usual = auth === undefined ? '' : [auth.user ?? 'admin', auth.password ?? 'secret'].map(encoded).join(':');
    const user = account ?? usual;
    const address = host.includes(':') ? `[${host}]` : host;
    return `${tls === undefined ? 'rtsp' : 'rtsps'}://${user === '' ? '' : `${user}@`}${address}:${this.port(name)}${path}`;
  }

  port(name: Name): number {
    return this.#ports[name] ?? 0;
  }

  counts(name: Name): Promise<CameraCounts> {
    return this.#do(name, { do: 'counts' });
  }

  /** Until `thaw`, connections stay open, and nothing is sent or answered. */
  async freeze(name: Name): Promise<void> {
    await this.#do(name, { do: 'freeze' });
  }

  async thaw(name: Name): Promise<void> {
    await this.#do(name, { do: 'thaw' });
  }

  /** Closes all connections. Sessions continue, as if their clients had disappeared. */
  async disconnect(name: Name, { reset = false } = {}): Promise<void> {
    await this.#do(name, { do: 'disconnect', reset });
  }

  /** Ends all sessions and connections, as a camera that restarts does. */
  async endSessions(name: Name): Promise<void> {
    await this.#do(name, { do: 'end-sessions' });
  }

  /** Loses the next video packets. */
  async dropPackets(name: Name, packets: number): Promise<void> {
    await this.#do(name, { do: 'drop', packets });
  }

  /** Replaces these groups of options for new connections. */
  async change(name: Name, options: CameraOptions): Promise<void> {
    await this.#do(name, { do: 'change', options });
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killAtExit);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }

  readonly #killAtExit = (): void => {
    this.child.kill('SIGKILL');
  };

  #do(camera: Name, command: Command): Promise<CameraCounts> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.child.send({ id, camera, command });
    });
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`The fake cameras are not ready after ${READY_BOUND_MS} ms`));
      }, READY_BOUND_MS);
      this.child.on('message', (message: Reply) => {
        if ('ready' in message) {
          clearTimeout(timer);
          this.#ports = message.ready;
          resolve();
          return;
        }
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if ('counts' in message) waiting?.resolve(message.counts);
        else waiting?.reject(new Error(message.error));
      });
      this.child.on('exit', (code, signal) => {
        clearTimeout(timer);
        const error = new Error(`The fake cameras have ended (${signal ?? String(code)})`);
        reject(error);
        for (const one of this.#waiting.values()) one.reject(error);
        this.#waiting.clear();
      });
    });
  }
}

/** Percent-encodes a user name or a password for a URL. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
