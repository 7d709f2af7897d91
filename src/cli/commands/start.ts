import { Command } from 'commander';
import { CliError, EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';

interface Options {
  readonly config?: string;
  readonly dataDir?: string;
  readonly demo?: boolean;
}

export const CONFIG_HELP =
  'Configuration file. Default: CHRYSPROXY_CONFIG, otherwise conf.yaml in the data directory if it exists.';
export const DATA_DIR_HELP =
  'Data directory, which holds cameras, settings and recordings. Default: CHRYSPROXY_DATA_DIR, otherwise /data/chrysalis ' +
  'if it is writable, otherwise $XDG_DATA_HOME/chrysproxy, otherwise ~/.local/share/chrysproxy.';

const DESCRIPTION = `\
Runs the proxy until it receives SIGINT or SIGTERM.

Prints the addresses to standard error when it is ready. The log is written to standard output: as JSON lines, or in a \
readable form on a terminal. A missing data directory is created, for its owner only. Two proxies cannot use the same one.`;

export function startCommand(io: Io): Command {
  return new Command('start')
    .summary('Runs the proxy.')
    .description(DESCRIPTION)
    .option('--config <file>', CONFIG_HELP)
    .option('--data-dir <folder>', DATA_DIR_HELP)
    .option('--demo', 'Adds a camera "demo" that needs no hardware. It is not stored.')
    .action((options: Options) => start(io, options));
}

async function start(io: Io, options: Options): Promise<void> {
  // Imported here so that the other commands start fast: this loads the whole proxy.
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
    throw new CliError(EXIT.failed, 'The proxy failed; its log says why.');
  }
}
