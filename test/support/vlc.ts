/** VLC as an RTSP server. It supports only UDP, serves one stream at /x, and does not run as root. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeClip } from '../farm/clips.js';
import { clipFile } from './ffmpeg.js';
import { freePort, waitFor } from './wait.js';

const READY_BOUND_MS = 30_000;
/** Ids of nobody and nogroup in Debian. */
const NOBODY = 65_534;
/** Repetitions of the clip in the file, because VLC ends the sessions at the end of a file. */
const ROUNDS = 30;

export class Vlc {
  readonly #killAtExit = (): void => {
    this.child.kill('SIGKILL');
  };

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly port: number,
  ) {
    process.on('exit', this.#killAtExit);
  }

  /** Plays the clip in real time, in a loop. A client starts at the current position. */
  static async start(clip: string): Promise<Vlc> {
    makeClip(clip);
    const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-vlc-'));
    const file = join(folder, 'clip.mp4');
    const home = join(folder, 'home');
    const rounds = ['-stream_loop', String(ROUNDS - 1), '-i', clipFile(clip), '-c', 'copy'];
    execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...rounds, file]);
    chmodSync(folder, 0o755);
    chmodSync(file, 0o644);
    mkdirSync(home);
    const port = await freePort();
    const command = ['cvlc', '--no-dbus', '--sout', `#rtp{sdp=rtsp://127.0.0.1:${port}/x}`, file, '--loop'];
    if (process.getuid?.() === 0) {
      chownSync(home, NOBODY, NOBODY);
      command.unshift('setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups');
    }
    const [program = '', ...args] = command;
    const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home };
    const vlc = new Vlc(spawn(program, args, { stdio: 'ignore', env }), folder, port);
    try {
      await waitFor('VLC to describe its stream', READY_BOUND_MS, () => isDescribed(port));
    } catch (error) {
      await vlc.stop();
      throw error;
    }
    return vlc;
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killAtExit);
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      const gone = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function isDescribed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`DESCRIBE rtsp://127.0.0.1:${port}/x RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n`);
    });
    const done = (described: boolean): void => {
      socket.destroy();
      resolve(described);
    };
    socket.setTimeout(1000, () => {
      done(false);
    });
    socket.on('error', () => {
      done(false);
    });
    socket.on('data', (data: Buffer) => {
      done(data.toString('latin1').startsWith('RTSP/1.0 200'));
    });
  });
}
