/** The Python clients of test/clients as child processes. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from './proxy.js';

const FOLDER = join(PROJECT, 'test/clients');
const BOUND_MS = 120_000;

export interface PythonRun {
  readonly exitCode: number;
  /** One object per line of stdout. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly complaints: string;
}

/** Runs the gRPC client against a proxy. */
export function pythonClient(address: string, ...options: string[]): Promise<PythonRun> {
  return run('grpc_client.py', [address, ...options]);
}

/** Runs the Redis client against a Redis. */
export function pythonRedisClient(address: string, ...options: string[]): Promise<PythonRun> {
  return run('redis_client.py', [address, ...options]);
}

function run(script: string, args: readonly string[]): Promise<PythonRun> {
  return new Promise((resolve) => {
    const child = execFile(
      '/usr/bin/python3',
      [join(FOLDER, script), ...args],
      { timeout: BOUND_MS, maxBuffer: 16 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        const lines = stdout.split('\n').filter((line) => line !== '');
        resolve({
          exitCode: child.exitCode ?? -1,
          lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
          complaints: stderr,
        });
      },
    );
  });
}
