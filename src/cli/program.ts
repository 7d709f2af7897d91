import { Command, CommanderError } from 'commander';
import { messageOf } from '../base/errors.js';
import { redact } from '../base/redact.js';
import { version } from '../base/version.js';
import { annotationsCommand } from './commands/annotations.js';
import { cameraCommand } from './commands/camera.js';
import { clipCommand } from './commands/clip.js';
import { cloudCommand } from './commands/cloud.js';
import { configCommand } from './commands/config.js';
import { exportCommand } from './commands/export.js';
import { framesCommand } from './commands/frames.js';
import { tlsOptions } from './commands/options.js';
import { probeCommand } from './commands/probe.js';
import { recordingsCommand } from './commands/recordings.js';
import { redisCommand } from './commands/redis.js';
import { snapshotCommand } from './commands/snapshot.js';
import { startCommand } from './commands/start.js';
import { watchCommand } from './commands/watch.js';
import { webhooksCommand } from './commands/webhooks.js';
import { EXIT, EXIT_TEXTS, exitCodeOf } from './exit-codes.js';
import type { Io } from './io.js';

const COMMANDS = [
  startCommand,
  cameraCommand,
  watchCommand,
  snapshotCommand,
  framesCommand,
  recordingsCommand,
  clipCommand,
  exportCommand,
  annotationsCommand,
  cloudCommand,
  webhooksCommand,
  redisCommand,
  probeCommand,
  configCommand,
];

/** Runs a command line, without the name of the program, and resolves with its exit code. Never rejects. */
export async function runCommand(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed its message. Requested help and version are not errors.
      return error.code === 'commander.helpDisplayed' || error.code === 'commander.version' ? EXIT.ok : EXIT.usage;
    }
    io.err(`chrysproxy: ${redact(messageOf(error))}\n`);
    return exitCodeOf(error);
  }
}

export function createProgram(io: Io): Command {
  const program = new Command('chrysproxy')
    .description('Video edge proxy for computer vision: camera streams in, frames out over gRPC.')
    .version(version(), '--version', 'Prints the version.')
    .addHelpText('after', exitCodeHelp());
  for (const make of COMMANDS) {
    program.addCommand(make(io));
  }
  for (const command of withSubcommands(program)) {
    if (command.options.some(({ long }) => long === '--url')) {
      for (const option of tlsOptions()) command.addOption(option);
    }
    command
      .exitOverride()
      .helpCommand(false)
      .helpOption('-h, --help', 'Prints this help.')
      .showHelpAfterError('Print the usage with --help.')
      .configureOutput({
        writeOut: (text) => {
          io.out(text);
        },
        writeErr: (text) => {
          io.err(redact(text));
        },
        outputError: (text, write) => {
          write(sentenceCase(text));
        },
      });
  }
  return program;
}

/** Gives the messages of commander the form of the other messages: "error: unknown option" becomes "chrysproxy: Unknown option". */
function sentenceCase(message: string): string {
  return message.replace(/^error: (.)/, (_, first: string) => `chrysproxy: ${first.toUpperCase()}`);
}

/** The command and all its subcommands. Commander's settings do not apply to subcommands that already exist. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((inner) => withSubcommands(inner))];
}

function exitCodeHelp(): string {
  const lines = Object.entries(EXIT_TEXTS).map(([code, text]) => `  ${code}  ${text}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}
