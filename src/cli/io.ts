import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Environment } from '../config/environment.js';
import { CliError, EXIT } from './exit-codes.js';

/** The environment of a command; tests replace it. */
export interface Io {
  readonly env: Environment;
  /** The command that started this program, such as `node bin/chrysproxy.js`, for advice in messages. */
  readonly command: string;
  /** Writes results to standard output. */
  out(content: string | Uint8Array): void;
  /** Writes messages and prompts to standard error. */
  err(content: string): void;
  /** The first line of standard input, without its line end; '' when the input is empty. */
  readLine(): Promise<string>;
  /** Like `readLine`; on a terminal, shows `prompt` and hides the typed text. Throws CliError after Ctrl-C. */
  readSecret(prompt: string): Promise<string>;
  /** Whether standard input is a terminal. */
  readonly interactive: boolean;
  /** The terminal that `out` writes to; undefined for a file or a pipe. */
  readonly screen: Screen | undefined;
  /** Whether `err` writes to a terminal. */
  readonly messagesOnTerminal: boolean;
  /** Aborted by the first Ctrl-C or SIGTERM, which does not end the program. The second one ends it. */
  interrupted(): AbortSignal;
}

export interface Screen {
  /** The current size of the terminal, in characters. */
  size(): { readonly columns: number; readonly rows: number };
}

const MAX_LINE_CHARACTERS = 8192;

export function processIo(command: string): Io {
  return {
    env: process.env,
    command,
    out: (content) => void process.stdout.write(content),
    err: (content) => void process.stderr.write(content),
    readLine,
    readSecret,
    interactive: process.stdin.isTTY,
    screen: process.stdout.isTTY ? { size } : undefined,
    messagesOnTerminal: process.stderr.isTTY,
    interrupted,
  };
}

/** Some terminals report the size 0. */
function size(): { columns: number; rows: number } {
  const { columns, rows } = process.stdout;
  return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      controller.abort();
    });
  }
  return controller.signal;
}

async function readSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return await readLine();
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // The prompt comes after createInterface, which switches the echo off.
  process.stderr.write(prompt);
  const stopped = new AbortController();
  terminal.once('SIGINT', () => {
    stopped.abort();
  });
  try {
    return await terminal.question('', { signal: stopped.signal });
  } catch (error) {
    throw new CliError(EXIT.failed, 'Interrupted. Nothing was changed.', { cause: error });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

async function readLine(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_LINE_CHARACTERS) {
      break;
    }
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}
