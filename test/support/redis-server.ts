/** A redis-server on a free port, with its own folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort, waitFor } from './wait.js';

const READY_BOUND_MS = 10_000;
const STOP_BOUND_MS = 10_000;

export interface RedisServerOptions {
  /** Default: no password. */
  readonly password?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Whether all data survives a restart, with `appendfsync always`. Default true. */
  readonly durable?: boolean;
  /** Further options of redis-server: ['--maxmemory', '8mb']. */
  readonly more?: readonly string[];
}

function newClient(host: string, port: number, password: string, database: number) {
  return createClient({
    socket: { host, port },
    database,
    ...(password === '' ? {} : { password }),
  });
}

export type RawRedis = ReturnType<typeof newClient>;

export class RedisServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'chrysproxy-redis-'));
  readonly #clients = new Map<number, RawRedis>();
  #child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly options: RedisServerOptions,
  ) {
    process.on('exit', this.#killAtExit);
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options);
    await server.restart();
    return server;
  }

  get host(): string {
    return this.options.host ?? '127.0.0.1';
  }

  /** Value for `redis.connection`. */
  get connection(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`;
  }

  /** A client of the test. It reconnects after a restart. */
  async client(database = 0): Promise<RawRedis> {
    let client = this.#clients.get(database);
    if (client === undefined) {
      client = newClient(this.host, this.port, this.options.password ?? '', database);
      // The client reconnects by itself.
      client.on('error', () => undefined);
      this.#clients.set(database, client);
      await client.connect();
    }
    return client;
  }

  /** Stops the server if it runs, and starts it with the same port and folder. */
  async restart(): Promise<void> {
    await this.stop();
    const { durable = true, password = '', more = [] } = this.options;
    this.#child = spawn(
      'redis-server',
      [
        ...['--port', String(this.port), '--bind', this.host, '--dir', this.#folder],
        ...['--save', '', '--appendonly', durable ? 'yes' : 'no', '--appendfsync', 'always'],
        ...(password === '' ? [] : ['--requirepass', password]),
        ...more,
      ],
      { stdio: 'ignore' },
    );
    await waitFor('redis-server to answer', READY_BOUND_MS, async () => {
      const probe = newClient(this.host, this.port, password, 0);
      probe.on('error', () => undefined);
      try {
        await probe.connect();
        // The server answers with an error while it loads its file.
        return (await probe.ping()) === 'PONG';
      } finally {
        probe.destroy();
      }
    });
  }

  /** Ends the server and keeps its folder. Resolves when nothing listens on its port. */
  async stop(): Promise<void> {
    await this.#endWith('SIGTERM');
  }

  /** Kills the server. Data that it has not written is lost. */
  async kill9(): Promise<void> {
    await this.#endWith('SIGKILL');
  }

  async #endWith(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS);
    await gone;
    clearTimeout(timer);
  }

  /** Deletes all data. */
  async flush(): Promise<void> {
    await (await this.client()).flushAll();
  }

  /** Stops the process with SIGSTOP: the kernel still accepts connections and data, but the server does not answer. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends the server and removes its folder. */
  async dispose(): Promise<void> {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
    await this.stop();
    process.off('exit', this.#killAtExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  readonly #killAtExit = (): void => {
    this.#child?.kill('SIGKILL');
  };
}
