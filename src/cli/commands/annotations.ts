import { Command, InvalidArgumentError } from 'commander';
import type { AnnotationsAnswer } from '../../rest/route-table/annotations.js';
import { AnnotationsClient } from '../annotations-client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { durationText, fields, json, printable, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { evidenceCommand } from './annotation-evidence.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

interface SetAsideOptions extends RemoteOptions {
  readonly limit?: number;
}

interface ChoiceOptions extends RemoteOptions {
  readonly all?: boolean;
}

const DEFAULT_LIMIT = 100;

export function annotationsCommand(io: Io): Command {
  const annotations = new Command('annotations').description('Shows and repairs the delivery of annotations.');
  annotations
    .command('status')
    .description('Prints how many annotations wait, were delivered and were refused, and why nothing is sent.')
    .option('--json', 'Prints the answer of GET /api/v1/annotations/status.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => status(io, options));
  annotations
    .command('set-aside')
    .description('Prints the annotations that the endpoint refused, with its answers, oldest first.')
    .option('--limit <n>', `Maximum number of annotations. Default: ${DEFAULT_LIMIT}.`, count)
    .option('--json', 'Prints the annotations as JSON, with all their fields.')
    .addOption(urlOption())
    .action((options: SetAsideOptions) => setAside(io, options));
  annotations
    .command('requeue')
    .description('Sends refused annotations again, after the annotations that wait.')
    .argument('[ids...]', 'Ids of the annotations, as "annotations set-aside" prints them.')
    .option('--all', 'Sends all refused annotations again.')
    .addOption(urlOption())
    .action((ids: readonly string[], options: ChoiceOptions) => requeue(io, ids, options));
  annotations
    .command('discard')
    .description('Deletes refused annotations. Until then, they count for annotation.max_queue.')
    .argument('[ids...]', 'Ids of the annotations, as "annotations set-aside" prints them.')
    .option('--all', 'Deletes all refused annotations.')
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
      ['Waiting', `${answer.queued} (${answer.in_flight} being sent)${oldest}`],
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
  const who = { this: 'this proxy sends', other: 'another proxy sends', none: 'no proxy sends now' }[sender];
  return `${shared} of the waiting annotations are in it; ${who}`;
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
      printable(reason ?? ''),
    ]);
    io.out(table(['ID', 'CAMERA', 'TYPE', 'START', 'REASON'], rows));
  }
}

/** The chosen ids; undefined: all annotations. Throws CliError. */
function idsOf(ids: readonly string[], options: ChoiceOptions): readonly string[] | undefined {
  if ((ids.length === 0) === (options.all !== true)) {
    throw new CliError(
      EXIT.usage,
      'Give the ids of the annotations, or --all. "annotations set-aside" prints the ids.',
    );
  }
  return ids.length === 0 ? undefined : ids;
}

async function requeue(io: Io, ids: readonly string[], options: ChoiceOptions): Promise<void> {
  const requeued = await new AnnotationsClient(clientFor(options, io)).requeue(idsOf(ids, options));
  io.out(`${requeued} annotations are queued again.\n`);
}

async function discard(io: Io, ids: readonly string[], options: ChoiceOptions): Promise<void> {
  const discarded = await new AnnotationsClient(clientFor(options, io)).discard(idsOf(ids, options));
  io.out(`${discarded} annotations are deleted.\n`);
}

function count(text: string): number {
  const number = Number(text);
  if (!/^\d{1,7}$/.test(text) || number < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999999.');
  }
  return number;
}
