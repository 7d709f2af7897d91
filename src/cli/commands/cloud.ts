import { Command } from 'commander';
import { AnnotationsClient } from '../annotations-client.js';
import type { CloudCheckAnswer } from '../../rest/routes/cloud.js';
import { CliError, EXIT } from '../exit-codes.js';
import { fields, json, timeText } from '../format.js';
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
    .command('show')
    .description('whether the edge key and its secret are set; neither is shown in full')
    .option('--json', 'print it as JSON')
    .addOption(urlOption())
    .action((options: RemoteOptions) => show(io, options));
  cloud
    .command('check')
    .description('try what the proxy sends to, without sending anything, and say what is wrong')
    .option('--json', 'print what was found as JSON')
    .addOption(urlOption())
    .action((options: RemoteOptions) => check(io, options));
  return cloud;
}

async function setKey(io: Io, key: string, options: RemoteOptions): Promise<void> {
  const client = new AnnotationsClient(clientFor(options, io));
  const secret = (await io.readSecret('Type the edge secret and Enter (it is not shown): ')).trim();
  if (secret === '') {
    throw new CliError(EXIT.usage, 'Standard input is empty; write the edge secret into it.');
  }
  await client.setKeys(key, secret);
  io.out(`The edge key and secret are set. Try them with: ${io.command} cloud check\n`);
}

async function show(io: Io, options: RemoteOptions): Promise<void> {
  const { edge_key: key, edge_secret: secret, modified } = await new AnnotationsClient(clientFor(options, io)).keys();
  const shown = {
    edge_key: key === '' ? null : key,
    edge_secret_set: secret !== '',
    modified: modified === 0 ? null : modified,
  };
  if (options.json === true) {
    io.out(json(shown));
    return;
  }
  io.out(
    fields([
      ['Edge key', shown.edge_key ?? `not set; set it with: ${io.command} cloud set-key`],
      ['Edge secret', shown.edge_secret_set ? 'set' : 'not set'],
      ['Changed', shown.modified === null ? 'never' : timeText(shown.modified)],
    ]),
  );
}

async function check(io: Io, options: RemoteOptions): Promise<void> {
  const answer = await new AnnotationsClient(clientFor(options, io)).check();
  const bad = answer.checks.filter(({ ok }) => !ok).map(lineOf);
  if (options.json === true) {
    io.out(json(answer));
  } else {
    for (const check of answer.checks) if (check.ok) io.out(`${lineOf(check)}\n`);
  }
  if (bad.length > 0) {
    throw new CliError(EXIT.failed, bad.join('\n'));
  }
}

function lineOf({ of, message }: CloudCheckAnswer['checks'][number]): string {
  return `${of}: ${message}`;
}
