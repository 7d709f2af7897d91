import { Command, InvalidArgumentError } from 'commander';
import type { AnnotationsAnswer } from '../../rest/routes/annotations.js';
import { AnnotationsClient } from '../annotations-client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { durationText, fields, json, plain, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { evidenceCommand } from './annotation-evidence.js';
import { clientFor, urlOption } from './camera.js';

interface RemoteOptions {
  readonly url?: string;
  readonly json?: boolean;
}

interface SetAsideOptions extends RemoteOptions {
  readonly limit?: number;
}

interface ChoiceOptions extends RemoteOptions {
  readonly all?: boolean;
}

const DEFAULT_LIMIT = 100;

export function annotationsCommand(io: Io): Command {
  const annotations = new Command('annotations').description('how the delivery of annotations fares');
  annotations
    .command('status')
    .description('how many wait, were delivered, were refused, and why nothing is sent')
    .option('--json', 'print it as JSON, as GET /api/v1/annotations/status gives it')
    .addOption(urlOption())
    .action((options: RemoteOptions) => status(io, options));
  annotations
    .command('set-aside')
    .description('the annotations that the endpoint refused, with its reasons, oldest first')
    .option('--limit <n>', `at most so many; default ${DEFAULT_LIMIT}`, count)
    .option('--json', 'print them as JSON, with all that is in them')
    .addOption(urlOption())
    .action((options: SetAsideOptions) => setAside(io, options));
  annotations
    .command('requeue')
    .description('send refused annotations again, after those that wait')
    .argument('[ids...]', 'their ids, as set-aside lists them')
    .option('--all', 'all of them')
    .addOption(urlOption())
    .action((ids: readonly string[], options: ChoiceOptions) => requeue(io, ids, options));
  annotations
    .command('discard')
    .description('remove refused annotations for good')
    .argument('[ids...]', 'their ids, as set-aside lists them')
    .option('--all', 'all of them')
    .addOption(urlOption())
    .action((ids: readonly string[], options: ChoiceOptions) => discard(io, ids, options));
  annotations.addCommand(evidenceCommand(io));
  return annotations;
}

async function status(io: Io, options: RemoteOptions): Promise<void> {
  const answer = await new AnnotationsClient(clientFor(options, io)).status();
  if (options.json === true) {
    io.out(json(answer));
    return;
  }
  const oldest = answer.oldest_age_ms === null ? '' : `, the oldest for ${durationText(answer.oldest_age_ms)}`;
  const at = answer.last_error_at === null ? '' : `${timeText(answer.last_error_at)}  `;
  io.out(
    fields([
      ['Mode', answer.mode],
      ['Waiting', `${answer.queued} (${answer.in_flight} on their way)${oldest}`],
      ['Delivered', String(answer.delivered)],
      ['Set aside', String(answer.set_aside)],
      ['Kept', String(answer.kept)],
      ['Paused', answer.paused ?? 'no'],
      ...(answer.redis === null ? [] : [['Shared queue', sharedText(answer.redis)] as const]),
      ...(answer.next_attempt === null ? [] : [['Next attempt', timeText(answer.next_attempt)] as const]),
      ['Last error', answer.last_error === null ? 'none' : `${at}${answer.last_error}`],
    ]),
  );
}

function sharedText({ message, shared, sender }: NonNullable<AnnotationsAnswer['redis']>): string {
  if (message !== null) return message;
  const who = { this: 'this proxy sends', other: 'another proxy sends', none: 'no proxy sends at the moment' }[sender];
  return `${shared} of those that wait are in it; ${who}`;
}

async function setAside(io: Io, options: SetAsideOptions): Promise<void> {
  const client = new AnnotationsClient(clientFor(options, io));
  const found = await client.setAside(options.limit ?? DEFAULT_LIMIT);
  if (options.json === true) {
    io.out(json(found));
  } else if (found.length === 0) {
    io.out('No annotation is set aside.\n');
  } else {
    const rows = found.map(({ id, camera, type, start_timestamp: startMs, reason }) => [
      id,
      camera,
      type,
      timeText(startMs),
      plain(reason ?? ''),
    ]);
    io.out(table(['ID', 'CAMERA', 'TYPE', 'START', 'REASON'], rows));
  }
}

/** Undefined: all. Throws CliError. */
function chosen(ids: readonly string[], options: ChoiceOptions): readonly string[] | undefined {
  if ((ids.length === 0) === (options.all !== true)) {
    throw new CliError(
      EXIT.usage,
      'Name the ids of the annotations, or say --all; "annotations set-aside" lists them.',
    );
  }
  return ids.length === 0 ? undefined : ids;
}

async function requeue(io: Io, ids: readonly string[], options: ChoiceOptions): Promise<void> {
  const requeued = await new AnnotationsClient(clientFor(options, io)).requeue(chosen(ids, options));
  io.out(`${requeued} annotations are queued again.\n`);
}

async function discard(io: Io, ids: readonly string[], options: ChoiceOptions): Promise<void> {
  const discarded = await new AnnotationsClient(clientFor(options, io)).discard(chosen(ids, options));
  io.out(`${discarded} annotations are removed.\n`);
}

function count(text: string): number {
  const number = Number(text);
  if (!/^\d{1,7}$/.test(text) || number < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999999.');
  }
  return number;
}
