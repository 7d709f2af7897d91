import type { Io, Screen } from '../../../src/cli/io.js';
import { runCommand } from '../../../src/cli/program.js';

export interface CliResult {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Io['env'];
  readonly screen?: Screen;
  readonly messagesOnTerminal?: boolean;
  /** Aborted when the user presses Ctrl-C. */
  readonly interrupted?: AbortSignal;
  /** Called with everything that is written to standard output. */
  readonly onOut?: (text: string) => void;
}

/** An Io without a terminal. `written` has the output. */
export function fakeIo(options: CliOptions = {}): Io & { readonly written: { out: string; err: string } } {
  const written = { out: '', err: '' };
  return {
    written,
    env: options.env ?? {},
    command: 'node bin/chrysproxy.js',
    out: (content) => {
      const text = Buffer.from(content).toString();
      written.out += text;
      options.onOut?.(text);
    },
    err: (content) => void (written.err += content),
    readLine: () => Promise.resolve(options.input ?? ''),
    readSecret: () => Promise.resolve(options.input ?? ''),
    interactive: false,
    screen: options.screen,
    messagesOnTerminal: options.messagesOnTerminal ?? false,
    interrupted: () => options.interrupted ?? new AbortController().signal,
  };
}

/** Runs a command against the proxy whose REST port is `port` of 127.0.0.1. */
export async function runCli(port: number, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const io = fakeIo({ ...options, env: { CHRYSPROXY_URL: `http://127.0.0.1:${port}`, ...options.env } });
  const exitCode = await runCommand(args, io);
  return { exitCode, ...io.written };
}
