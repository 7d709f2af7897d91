import { Command } from 'commander';
import { AnnotationsClient } from '../annotations-client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { json } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption } from './camera.js';

interface RemoteOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export function cloudCommand(io: Io): Command {
  const cloud = new Command('cloud').description('the keys for the cloud, or for a receiver of your own');
  cloud
    .command('set-key')
    .description('set the edge key; its secret is read from standard input, out of the process list')
    .argument('<key>', 'the edge key')
    .addOption(urlOption())
    .action((key: string, options: RemoteOptions) => setKey(io, key, options));
  cloud
    .command('check')
    .description('try the endpoint of annotations with an empty batch, and say what is wrong')
    .option('--json', 'print what was found as JSON')
    .addOption(urlOption())
    .action((options: RemoteOptions) => check(io, options));
  return cloud;
}

async function setKey(io: Io, key: string, options: RemoteOptions): Promise<void> {
  const client = new AnnotationsClient(clientFor(options, io));
  if (io.interactive) {
    io.err('Type the edge secret and Enter: ');
  }
  const secret = (await io.readLine()).trim();
  if (secret === '') {
    throw new CliError(EXIT.usage, 'Standard input is empty; write the edge secret into it.');
  }
  await client.setKeys(key, secret);
  io.out(`The edge key and secret are set. Try them with: ${io.command} cloud check\n`);
}

async function check(io: Io, options: RemoteOptions): Promise<void> {
  const answer = await new AnnotationsClient(clientFor(options, io)).check();
  if (options.json === true) {
    io.out(json(answer));
  } else if (answer.ok) {
    io.out(`${answer.message}\n`);
  }
  if (!answer.ok) {
    throw new CliError(EXIT.failed, answer.message);
  }
}
