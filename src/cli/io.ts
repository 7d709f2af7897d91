import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Environment } from '../config/environment.js';
import { CliError, EXIT } from './exit-codes.js';

/** What a command touches of the outside, so that a test can stand in for it. */
export interface Io {
  readonly env: Environment;
  /** How this program was called, for the commands that it tells people to type: `node bin/chrysproxy.js`. */
  readonly command: string;
  /** Standard output: what was asked for, and nothing else. */
  out(content: string | Uint8Array): void;
  /** Standard error: messages and prompts. */
  err(content: string): void;
  /** The first line of standard input, without its end; '' when there is none. */
  readLine(): Promise<string>;
  /** The same; a person is asked with `prompt`, and what is typed is not shown. Throws CliError after Ctrl-C. */
  readSecret(prompt: string): Promise<string>;
  /** Whether a person types the input. */
  readonly interactive: boolean;
  /** The terminal that `out` goes to; undefined when it goes to a file or a pipe. */
  readonly screen: Screen | undefined;
  /** Whether `err` goes to a terminal. */
  readonly messagesOnTerminal: boolean;
  /** Aborted by the first Ctrl-C or SIGTERM, which then does not end the program by itself; a second one does. */
  interrupted(): AbortSignal;
}

export interface Screen {
  /** In characters; it changes when the window does. */
  size(): { readonly columns: number; readonly rows: number };
}

const MAX_LINE = 8192;

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

/** A terminal that does not know its size says 0. */
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
  // Only now, because from here on the terminal shows nothing by itself.
  process.stderr.write(prompt);
  const stopped = new AbortController();
  terminal.once('SIGINT', () => {
    stopped.abort();
  });
  try {
    return await terminal.question('', { signal: stopped.signal });
  } catch (error) {
    throw new CliError(EXIT.failed, 'Nothing was changed.', { cause: error });
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
    if (text.includes('\n') || text.length > MAX_LINE) {
      break;
    }
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}
