/** The peers of the comparisons, and the clients that both serve. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Farm } from '../farm/farm.js';

const PYTHON = '/usr/bin/python3';
const PICTURES_IN_CLIP = 300;

export interface ClientResult {
  readonly frames: number;
  readonly missed: number;
  readonly repeated: number;
  readonly disordered: number;
  readonly torn: number;
  readonly empty: number;
  readonly median_age_ms: number;
  readonly p95_age_ms: number;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

async function firstLine(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('no output to read');
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => {
      reject(new Error(`${child.spawnfile} ended with ${code} before it said anything`));
    });
  });
}

/** Reads a stream without output: without decoding, or with keyframes decoded. */
export function startFfmpeg(url: string, work: 'copy' | 'keyframes'): ChildProcess {
  const input = [...(work === 'keyframes' ? ['-skip_frame', 'nokey'] : []), '-rtsp_transport', 'tcp', '-i', url];
  // Without it FFmpeg repeats frames for the skipped ones.
  const output = work === 'copy' ? ['-c', 'copy'] : ['-fps_mode', 'passthrough'];
  return start('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output, '-an', '-f', 'null', '-']);
}

/** Connects and ends at the first packet. Returns its arrival, microseconds since the epoch. */
export async function firstPacketOfFfmpeg(url: string): Promise<number> {
  const output = ['-c', 'copy', '-an', '-flush_packets', '1', '-f', 'framecrc', 'pipe:1'];
  const child = start('ffmpeg', ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', url, ...output]);
  try {
    return await new Promise((resolve, reject) => {
      if (child.stdout === null) throw new Error('no output to read');
      // The first lines are comments.
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (!line.startsWith('#')) resolve((performance.timeOrigin + performance.now()) * 1000);
      });
      child.once('exit', (code) => {
        reject(new Error(`ffmpeg ended with ${code} before a packet came`));
      });
    });
  } finally {
    await end([child]);
  }
}

/** Writes a stream into files of 2 s: `<path>_0.mp4` and so on. */
export function startFfmpegSegments(url: string, path: string): ChildProcess {
  const output = [
    '-c',
    'copy',
    '-an',
    '-f',
    'segment',
    '-segment_time',
    '2',
    '-reset_timestamps',
    '1',
    `${path}_%d.mp4`,
  ];
  return start('ffmpeg', ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', url, ...output]);
}

/** The server of pyav_server.py. */
export async function startPyavServer(
  cameras: readonly { name: string; url: string }[],
): Promise<{ child: ChildProcess; address: string }> {
  const child = start(PYTHON, [script('pyav_server.py'), ...cameras.map(({ name, url }) => `${name}=${url}`)]);
  const { port } = JSON.parse(await firstLine(child)) as { port: number };
  return { child, address: `127.0.0.1:${port}` };
}

export interface ClientOptions {
  readonly seconds: number;
  /** Uses VideoStream instead of one call per frame. */
  readonly stream?: boolean;
  /** Fields of VideoFrameRequest. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Distance of the pictures that are taken, when more than one. */
  readonly step?: number;
}

/** A Python client that takes every frame for some seconds after warming up. */
export async function runClient(
  farm: Farm,
  address: string,
  camera: string,
  { seconds, stream = false, fields = {}, step = 1 }: ClientOptions,
): Promise<ClientResult> {
  const child = start(PYTHON, [
    script('client.py'),
    address,
    camera,
    farm.timingFile(camera),
    String(seconds),
    String(PICTURES_IN_CLIP),
    JSON.stringify({ stream, fields, step }),
  ]);
  return JSON.parse(await firstLine(child)) as ClientResult;
}

/** One process that takes frames of many cameras without reading them, one call at a time for each camera. */
export function startTakers(
  address: string,
  cameras: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): ChildProcess {
  return start(PYTHON, [script('takers.py'), address, JSON.stringify(fields), ...cameras]);
}

/** Runs a Python script of this folder and returns the JSON of its first line. */
export async function runPython<T>(name: string, args: readonly string[]): Promise<T> {
  return JSON.parse(await firstLine(start(PYTHON, [script(name), ...args]))) as T;
}

export async function end(processes: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    processes.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }),
  );
}
