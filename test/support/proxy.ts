/** A proxy as a child process, with its own configuration, data directory and ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:https';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { checkAnswer } from './rest-answers.js';
import { freePort, waitFor } from './wait.js';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
export const EXECUTABLE = join(PROJECT, 'bin/chrysproxy.js');
const READY_BOUND_MS = 60_000;
/** A proxy that has not ended after this time is killed. */
const STOP_BOUND_MS = 30_000;
const REQUEST_BOUND_MS = 60_000;
const RUNNING_BOUND_MS = 60_000;

export interface ProxyOptions {
  /** Keys of conf.yaml, to which the ports are added. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Certificates of the REST client, when the configuration has TLS. */
  readonly tls?: ClientFiles;
  /** bin/chrysproxy.js of another checkout that is built. Default: that of this checkout. */
  readonly executable?: string;
  /** A command that replaces itself with the command in its arguments, such as `nice -n 5` or `unshare …`. */
  readonly within?: (folder: string) => readonly string[];
}

/** Paths of PEM files. */
export interface ClientFiles {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The fields of StreamProcess that the tests use. */
export interface ProcessAnswer {
  readonly name: string;
  readonly rtsp_endpoint: string;
  readonly status: string;
  readonly state: Readonly<Record<string, unknown>>;
  readonly logs: { readonly stdout: string; readonly stderr: string };
  readonly rtmp_stream_status: { readonly streaming: boolean; readonly storing: boolean };
  readonly chrysproxy: {
    readonly phase: string;
    readonly reason: string | null;
    readonly message: string;
    readonly next_attempt: number | null;
    readonly replay: Readonly<Record<string, unknown>> | null;
    readonly stats: { readonly decoding: string; readonly packets: number };
    readonly recording: {
      readonly wanted: boolean;
      readonly state: string;
      readonly message: string;
      readonly segments: number;
      readonly bytes: number;
      readonly lost_groups: number;
    };
  };
}

export interface RestAnswer {
  readonly status: number;
  readonly text: string;
}

export class Proxy {
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(
    readonly folder: string,
    readonly restPort: number,
    readonly grpcPort: number,
    readonly env: Readonly<Record<string, string>>,
    readonly within: readonly string[],
    readonly tls: ClientFiles | undefined,
    readonly executable: string,
  ) {
    process.on('exit', this.#killAtExit);
  }

  /** Starts a proxy and waits until /readyz answers 200. */
  static async start(options: ProxyOptions = {}): Promise<Proxy> {
    const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-test-'));
    const within = options.within?.(folder) ?? [];
    const { env = {}, tls, executable = EXECUTABLE } = options;
    const proxy = new Proxy(folder, await freePort(), await freePort(), env, within, tls, executable);
    const config = { port: proxy.restPort, grpc_port: proxy.grpcPort, ...options.config };
    writeFileSync(proxy.configFile, stringify(config));
    await proxy.resume();
    return proxy;
  }

  get configFile(): string {
    return join(this.folder, 'conf.yaml');
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get grpcAddress(): string {
    return `127.0.0.1:${this.grpcPort}`;
  }

  get restUrl(): string {
    return `${this.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.restPort}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('The proxy is not running');
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** All output to stdout and stderr, over all runs. */
  get output(): string {
    return this.#output;
  }

  /** Starts the process again, with the same ports and data. */
  async resume(): Promise<void> {
    const start = [this.executable, 'start', '--config', this.configFile, '--data-dir', this.dataDir];
    const [program = process.execPath, ...args] = [...this.within, process.execPath, ...start];
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.env },
      cwd: this.folder,
    });
    this.#child = child;
    const collect = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    await waitFor('the proxy to be ready', READY_BOUND_MS, async () => {
      if (!this.running) return 'ended';
      return (await this.rest('GET', '/readyz')).status === 200;
    }).catch((error: unknown) => {
      throw new Error(`The proxy does not become ready; it wrote:\n${this.#output}`, { cause: error });
    });
    if (!this.running) throw new Error(`The proxy ended at once; it wrote:\n${this.#output}`);
  }

  /** Sends SIGTERM. Resolves with the exit code, or with "SIGKILL" when the proxy did not end within 30 s. */
  async end(): Promise<number | string> {
    return this.#endWith('SIGTERM');
  }

  async kill9(): Promise<void> {
    await this.#endWith('SIGKILL');
  }

  /** Ends the proxy and removes its folder. */
  async dispose(): Promise<void> {
    await this.end();
    process.off('exit', this.#killAtExit);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Throws when the answer does not have exactly the fields that the route declares. */
  async rest(method: string, path: string, body?: unknown): Promise<RestAnswer> {
    const answer = await this.#request(method, path, body);
    // Another checkout may declare other fields.
    if (this.executable === EXECUTABLE) checkAnswer(method, path, answer.status, answer.text);
    return answer;
  }

  async #request(method: string, path: string, body: unknown): Promise<RestAnswer> {
    if (this.tls !== undefined) return await restOverTls(method, `${this.restUrl}${path}`, this.tls, body);
    const response = await fetch(`${this.restUrl}${path}`, {
      method,
      signal: AbortSignal.timeout(REQUEST_BOUND_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, text: await response.text() };
  }

  async addCamera(name: string, url: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const answer = await this.rest('POST', '/api/v1/process', { name, rtsp_endpoint: url, ...more });
    if (answer.status !== 200) throw new Error(`Adding ${name}: ${answer.status} ${answer.text}`);
  }

  async removeCamera(name: string): Promise<void> {
    const answer = await this.rest('DELETE', `/api/v1/process/${name}`);
    if (answer.status !== 200) throw new Error(`Removing ${name}: ${answer.status} ${answer.text}`);
  }

  async camera(name: string): Promise<ProcessAnswer> {
    const answer = await this.rest('GET', `/api/v1/process/${name}`);
    if (answer.status !== 200) throw new Error(`Showing ${name}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as ProcessAnswer;
  }

  async cameraIsRunning(name: string, boundMs = RUNNING_BOUND_MS): Promise<void> {
    await waitFor(`camera ${name} to run`, boundMs, async () => (await this.camera(name)).status === 'running');
  }

  /** Number of threads and file descriptors, and resident memory, from /proc. */
  usage(): { threads: number; descriptors: number; rssKiB: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const number = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(status)?.[1]);
    return {
      threads: number('Threads'),
      descriptors: readdirSync(`/proc/${this.pid}/fd`).length,
      rssKiB: number('VmRSS'),
    };
  }

  /** Contents of all files in the data directory. */
  dataFiles(): Buffer[] {
    if (!existsSync(this.dataDir)) return [];
    return readdirSync(this.dataDir, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  }

  readonly #killAtExit = (): void => {
    this.#child?.kill('SIGKILL');
  };

  async #endWith(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    const child = this.#child;
    if (child === undefined) return 0;
    if (this.running) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS);
      await gone;
      clearTimeout(timer);
    }
    return child.signalCode ?? child.exitCode ?? 0;
  }
}

/** One request that trusts only these certificates. Rejects when there is no answer. */
export function restOverTls(method: string, url: string, files: ClientFiles, body?: unknown): Promise<RestAnswer> {
  const contents = Object.fromEntries(Object.entries(files).map(([name, path]) => [name, readFileSync(String(path))]));
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request(
      url,
      { method, headers, ...contents, agent: false, timeout: REQUEST_BOUND_MS },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`No answer within ${REQUEST_BOUND_MS} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
