/** Runs the command line as a child process. */
import { execFile } from 'node:child_process';
import { EXECUTABLE, type Proxy } from './proxy.js';

const BOUND_MS = 60_000;

export interface CliRun {
  /** null when it did not end in time. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `chrysproxy …` against a proxy. Undefined: against an address where nothing listens. */
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
