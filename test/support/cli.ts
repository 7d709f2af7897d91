/** The command line as people and scripts run it. */
import { execFile } from 'node:child_process';
import { EXECUTABLE, type Proxy } from './proxy.js';

const BOUND_MS = 30_000;

export interface CliRun {
  /** null: it did not end in time. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `chrysproxy …` against that proxy; without one, against an address where nothing listens. */
export function runCli(proxy: Proxy | undefined, args: readonly string[], input = ''): Promise<CliRun> {
  const env = { ...process.env, CHRYSPROXY_URL: proxy?.restUrl ?? 'http://127.0.0.1:1', NO_COLOR: '1' };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [EXECUTABLE, ...args],
      { env, timeout: BOUND_MS, killSignal: 'SIGKILL' },
      (_error, stdout, stderr) => {
        resolve({ exitCode: child.exitCode, stdout, stderr });
      },
    );
    child.stdin?.end(input);
  });
}
