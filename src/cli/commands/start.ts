import { Command } from 'commander';
import { CliError, EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';

interface Options {
  readonly config?: string;
  readonly dataDir?: string;
  readonly demo?: boolean;
}

export function startCommand(io: Io): Command {
  return new Command('start')
    .description('run the proxy until it gets SIGINT or SIGTERM')
    .option('--config <file>', 'the file; else CHRYSPROXY_CONFIG, else conf.yaml in the data directory')
    .option('--data-dir <folder>', 'the data directory; else CHRYSPROXY_DATA_DIR, else the usual one')
    .option('--demo', 'also serve a camera "demo" that needs no hardware')
    .action((options: Options) => start(io, options));
}

async function start(io: Io, options: Options): Promise<void> {
  // Only here, because everything the proxy is made of hangs on it, and the other commands want to be quick.
  const { runProxy } = await import('../../app/run.js');
  const exitCode = await runProxy({
    configPath: options.config,
    dataDir: options.dataDir,
    demo: options.demo === true,
    command: io.command,
    announce: (text) => {
      io.err(`${text}\n`);
    },
  });
  if (exitCode !== 0) {
    throw new CliError(EXIT.failed, 'The proxy did not end well; its log says why.');
  }
}
