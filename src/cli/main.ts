import { basename, relative } from 'node:path';
import { processIo } from './io.js';
import { runCommand } from './program.js';

/** Entry point of bin/chrysproxy.js. `args` exclude the name of the program. Resolves with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  // `chrysproxy camera list | head -1` closes our output early. This is not an error.
  process.stdout.on('error', ignoreClosedPipe);
  process.stderr.on('error', ignoreClosedPipe);
  const exitCode = await runCommand(args, processIo(commandName()));
  await flushed(process.stdout);
  await flushed(process.stderr);
  return exitCode;
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') {
    throw error;
  }
}

/** Waits until a pipe has accepted all output, because the process is about to exit. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (!stream.destroyed && stream.writableLength > 0) {
    await new Promise((resolve) => stream.write('', resolve));
  }
}

/** The command that starts this program: its name when it is in PATH, otherwise `node` and the path. */
function commandName(): string {
  const script = process.argv[1] ?? 'chrysproxy';
  if (!script.endsWith('.js')) {
    return basename(script);
  }
  const path = relative(process.cwd(), script);
  return `node ${path.startsWith('..') ? script : path}`;
}
