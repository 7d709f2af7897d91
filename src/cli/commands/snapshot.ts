import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import { CliError, EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

interface Options extends RemoteOptions {
  readonly width?: string;
}

export function snapshotCommand(io: Io): Command {
  return new Command('snapshot')
    .summary('Writes the newest frame of a camera as a JPEG file.')
    .description('Writes the newest frame of a camera as a JPEG file. Fails when the camera is not connected.')
    .argument('<name>', 'Name of the camera.')
    .argument('<file>', 'Path of the JPEG file. "-" writes it to standard output.')
    .option('--width <pixels>', 'Scales the frame down to this width, 16 to 7680. The aspect ratio is kept.')
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
