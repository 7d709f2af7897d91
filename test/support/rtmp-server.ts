/** An RTMP server (nginx with its RTMP module) with its own folder and port, and a player that checks its streams. */
import { killChild } from './kill-child.js';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readBarcode } from './barcode.js';
import { freePort, waitFor } from './wait.js';

const run = promisify(execFile);
const BOUND_MS = 30_000;
/** Limits FFmpeg's analysis of a stream to 0.5 s. Its default is 5 s. */
const SHORT_ANALYSIS = ['-analyzeduration', '500000'];

export interface Played {
  /** Numbers of the pictures, in display order. */
  readonly numbers: readonly (number | 'torn')[];
  /** Warnings and errors of FFmpeg. */
  readonly complaints: string;
}

export class RtmpServer {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly port: number,
  ) {
    process.on('exit', this.#killAtExit);
  }

  static async start(): Promise<RtmpServer> {
    const folder = mkdtempSync(join(tmpdir(), 'rtmp-server-'));
    const server = new RtmpServer(folder, await freePort());
    mkdirSync(join(folder, 'logs'));
    writeFileSync(
      join(folder, 'nginx.conf'),
      `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
      daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
      events { worker_connections 64; }
      rtmp { access_log ${folder}/access.log; server {
        listen 127.0.0.1:${server.port};
        application live { live on; wait_key on; }
        application closed { live on; deny publish all; }
      } }`,
    );
    await server.resume();
    return server;
  }

  url(key: string, application = 'live'): string {
    return `rtmp://127.0.0.1:${this.port}/${application}/${key}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Number of open client connections. */
  connections(): number {
    const established = '01';
    const port = `:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const lines = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    return lines.filter(([, local = '', , state]) => local.endsWith(port) && state === established).length;
  }

  async resume(): Promise<void> {
    this.#child = spawn('/usr/sbin/nginx', ['-p', this.folder, '-c', join(this.folder, 'nginx.conf')], {
      stdio: 'ignore',
    });
    await waitFor('the RTMP server to listen', BOUND_MS, () => isOpen(this.port));
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await killChild(child);
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.#killAtExit);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Plays the next `count` pictures of a stream. */
  async play(key: string, width: number, height: number, count: number): Promise<Played> {
    const bytes = width * height * 3;
    const output = [
      '-an',
      '-frames:v',
      String(count),
      '-pix_fmt',
      'bgr24',
      '-fps_mode',
      'passthrough',
      '-f',
      'rawvideo',
    ];
    const source = ['-nostdin', '-v', 'warning', ...SHORT_ANALYSIS, '-i', this.url(key)];
    const { stdout, stderr } = await run('ffmpeg', [...source, ...output, 'pipe:1'], {
      encoding: 'buffer',
      maxBuffer: bytes * (count + 1),
      timeout: BOUND_MS,
    });
    const numbers = Array.from({ length: Math.floor(stdout.length / bytes) }, (_, at) =>
      readBarcode(stdout.subarray(at * bytes, (at + 1) * bytes), width, height),
    );
    return { numbers, complaints: stderr.toString() };
  }

  /** The packets of the next `seconds` of a stream: kind, and pts and dts in seconds. */
  async packets(key: string, seconds: number): Promise<{ kind: string; pts: number; dts: number }[]> {
    const shown = ['-show_entries', 'packet=codec_type,pts_time,dts_time', '-of', 'csv=p=0'];
    const args = ['-v', 'error', ...SHORT_ANALYSIS, '-read_intervals', `%+${seconds}`, ...shown, this.url(key)];
    const { stdout } = await run('ffprobe', args, { timeout: BOUND_MS });
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [kind = '', pts, dts] = line.split(',');
        return { kind, pts: Number(pts), dts: Number(dts) };
      });
  }

  readonly #killAtExit = (): void => {
    this.#child?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
