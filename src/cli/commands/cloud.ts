import { Command } from 'commander';
import { AnnotationsClient } from '../annotations-client.js';
import type { CloudCheckAnswer } from '../../rest/route-table/services.js';
import { CliError, EXIT } from '../exit-codes.js';
import { fields, json, timeText } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

export function cloudCommand(io: Io): Command {
  const cloud = new Command('cloud').description('Sets and checks the keys for the cloud.');
  cloud
    .command('set-key')
    .summary('Sets the edge key and its secret.')
    .description(
      `\
Sets the edge key and its secret, which is read from standard input, so that it is in no process list. Both are used at \
once.

    chrysproxy cloud set-key KEY < secret.txt`,
    )
    .argument('<key>', 'The edge key.')
    .addOption(urlOption())
    .action((key: string, options: RemoteOptions) => setKey(io, key, options));
  cloud
    .command('show')
    .description('Prints the beginning of the edge key, whether its secret is set, and when they were changed.')
    .option('--json', 'Prints the result as JSON.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => show(io, options));
  cloud
    .command('check')
    .summary('Checks that the cloud and the webhook can be reached.')
    .description(
      `\
Sends an empty signed batch to annotation.endpoint and to webhook.url, and, when a camera has an RTMP endpoint, a request \
for a stream that does not exist to api.endpoint. Nothing is stored there.

Ends with exit code 1 when one of them fails, and prints why: name, port, certificate, key or a clock that is wrong.`,
    )
    .option('--json', 'Prints the answer of POST /api/v1/cloud/check.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => check(io, options));
  return cloud;
}

async function setKey(io: Io, key: string, options: RemoteOptions): Promise<void> {
  const client = new AnnotationsClient(clientFor(options, io));
  const secret = (await io.readSecret('Type the edge secret and Enter (it is not shown): ')).trim();
  if (secret === '') {
    throw new CliError(EXIT.usage, 'Standard input is empty: write the edge secret to it.');
  }
  await client.setKeys(key, secret);
  io.out(`The edge key and secret are set. Check them with: ${io.command} cloud check\n`);
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
  const failures = answer.checks.filter(({ ok }) => !ok).map(lineOf);
  if (options.json === true) {
    io.out(json(answer));
  } else {
    for (const check of answer.checks) if (check.ok) io.out(`${lineOf(check)}\n`);
  }
  if (failures.length > 0) {
    throw new CliError(EXIT.failed, failures.join('\n'));
  }
}

function lineOf({ of, message }: CloudCheckAnswer['checks'][number]): string {
  return `${of}: ${message}`;
}
