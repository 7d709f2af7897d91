/** The Python client of test/clients as a child process. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from './proxy.js';

const SCRIPT = join(PROJECT, 'test/clients/grpc_client.py');
const BOUND_MS = 90_000;

export interface PythonRun {
  readonly exitCode: number;
  /** One object for each line of stdout. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly complaints: string;
}

export function pythonClient(address: string, ...options: string[]): Promise<PythonRun> {
  return new Promise((resolve) => {
    const child = execFile(
      '/usr/bin/python3',
      [SCRIPT, address, ...options],
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
