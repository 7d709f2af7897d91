/** What chrysproxy is compared with, and the clients that both serve. */
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

/** Reads a stream to nowhere, without decoding. */
export function startFfmpegCopy(url: string): ChildProcess {
  return start('ffmpeg', [
    '-nostdin',
    '-v',
    'error',
    '-rtsp_transport',
    'tcp',
    '-i',
    url,
    '-c',
    'copy',
    '-an',
    '-f',
    'null',
    '-',
  ]);
}

/** The thirty-line server of pyav_server.py. */
export async function startPyavServer(
  cameras: readonly { name: string; url: string }[],
): Promise<{ child: ChildProcess; address: string }> {
  const child = start(PYTHON, [script('pyav_server.py'), ...cameras.map(({ name, url }) => `${name}=${url}`)]);
  const { port } = JSON.parse(await firstLine(child)) as { port: number };
  return { child, address: `127.0.0.1:${port}` };
}

/** A Python client that takes every frame for `seconds` after a few seconds of warming up. */
export async function runClient(farm: Farm, address: string, camera: string, seconds: number): Promise<ClientResult> {
  const child = start(PYTHON, [
    script('client.py'),
    address,
    camera,
    farm.timingFile(camera),
    String(seconds),
    String(PICTURES_IN_CLIP),
  ]);
  return JSON.parse(await firstLine(child)) as ClientResult;
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
