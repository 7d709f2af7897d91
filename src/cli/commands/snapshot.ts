import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import { CliError, EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';
import { clientFor, urlOption } from './camera.js';

interface Options {
  readonly width?: string;
  readonly url?: string;
}

export function snapshotCommand(io: Io): Command {
  return new Command('snapshot')
    .description('write the newest frame of a camera as a JPEG file')
    .argument('<name>')
    .argument('<file>', '- writes to standard output')
    .option('--width <pixels>', 'scale it down to this width')
    .addOption(urlOption())
    .action((name: string, file: string, options: Options) => snapshot(io, name, file, options));
}

async function snapshot(io: Io, name: string, file: string, options: Options): Promise<void> {
  const jpeg = await clientFor(options, io).snapshot(name, options.width);
  if (file === '-') {
    io.out(jpeg);
    return;
  }
  try {
    writeFileSync(file, jpeg);
  } catch (error) {
    throw new CliError(EXIT.failed, `${file} cannot be written: ${messageOf(error)}.`, { cause: error });
  }
  io.out(`${file}: ${jpeg.byteLength} bytes\n`);
}
