import { CliError, EXIT } from './exit-codes.js';
import type { Io } from './io.js';

/** The URL as given, or for `-` the first line of standard input, so that its password is in no process list. */
export async function streamUrl(argument: string, io: Io): Promise<string> {
  if (argument !== '-') {
    return argument;
  }
  if (io.interactive) {
    io.err('Type the URL of the stream and Enter: ');
  }
  const line = (await io.readLine()).trim();
  if (line === '') {
    throw new CliError(EXIT.usage, 'Standard input is empty: write the URL of the stream to it.');
  }
  return line;
}
