import { basename, relative } from 'node:path';
import { processIo } from './io.js';
import { runCommand } from './program.js';

/** The entry of bin/chrysproxy.js; `args` are what stands behind the program's name. Resolves with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  // `chrysproxy camera list | head -1` closes our output early, which is no error.
  process.stdout.on('error', ignoreClosedPipe);
  process.stderr.on('error', ignoreClosedPipe);
  const exitCode = await runCommand(args, processIo(howCalled()));
  await written(process.stdout);
  await written(process.stderr);
  return exitCode;
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') {
    throw error;
  }
}

/** A pipe takes what was written in its own time, and the process is about to exit. */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (!stream.destroyed && stream.writableLength > 0) {
    await new Promise((resolve) => stream.write('', resolve));
  }
}

/** As a person would type it again: the bare name when it is on the PATH, else the path from here. */
function howCalled(): string {
  const script = process.argv[1] ?? 'chrysproxy';
  if (!script.endsWith('.js')) {
    return basename(script);
  }
  const path = relative(process.cwd(), script);
  return `node ${path.startsWith('..') ? script : path}`;
}
