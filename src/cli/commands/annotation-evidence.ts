import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { AnnotationAnswer } from '../../rest/route-table/annotations.js';
import { messageOf } from '../../base/errors.js';
import type { ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, fields, json, printable, timeText } from '../format.js';
import type { Io } from '../io.js';
import { OutputFile } from '../output-file.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

interface Options extends RemoteOptions {
  readonly out?: string;
  readonly force?: boolean;
}

type EvidenceAnswer = NonNullable<AnnotationAnswer['evidence']>;

export function evidenceCommand(io: Io): Command {
  return new Command('evidence')
    .summary('Prints the state of the evidence of an annotation, and saves it.')
    .description(
      'Prints the state of the clip and the snapshot that belong to an annotation, and what is missing. Saves them with --out.',
    )
    .argument('<id>', 'Id of the annotation, as the call Annotate returned it.')
    .option(
      '--out <folder>',
      'Saves them in this folder as <id>.mp4 and <id>.jpg. The folder is created when it is missing.',
    )
    .option('--force', 'Replaces existing files.')
    .option('--json', 'Prints the answer of GET /api/v1/annotations/<id>.')
    .addOption(urlOption())
    .action((id: string, options: Options) => evidence(io, id, options));
}

async function evidence(io: Io, id: string, options: Options): Promise<void> {
  const proxy = clientFor(options, io);
  const answer = (await proxy.requestJson('GET', `annotations/${encodeURIComponent(id)}`)) as AnnotationAnswer;
  if (options.json === true) io.out(json(answer));
  const found = answer.evidence;
  if (found === undefined) {
    throw new CliError(EXIT.notFound, `Annotation ${answer.id} has no evidence: none was requested with it.`);
  }
  if (options.json !== true) io.out(describe(answer, found));
  if (options.out !== undefined) await save(io, proxy, { ...options, out: options.out }, answer.id, found);
}

function describe({ camera, type, start_timestamp: startMs }: AnnotationAnswer, found: EvidenceAnswer): string {
  const { state, reason, clip, snapshot } = found;
  const clipText = clip && `${timeText(clip.from)} to ${timeText(clip.to)}, ${bytesText(clip.bytes)}`;
  const frameText = snapshot && `frame ${snapshot.frame_id} at ${timeText(snapshot.timestamp)}`;
  return fields([
    ['Annotation', `${printable(camera)}, ${printable(type)}, ${timeText(startMs)}`],
    ['State', state],
    ['Clip', clipText ?? 'none'],
    ['Snapshot', frameText ?? 'none'],
    ...(reason === null ? [] : [['Missing', printable(reason)] as const]),
  ]);
}

async function save(
  io: Io,
  proxy: ProxyClient,
  { out, force = false, json: isJson = false }: Options & { readonly out: string },
  id: string,
  { clip, snapshot }: EvidenceAnswer,
): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw new CliError(
      EXIT.failed,
      `The folder ${out} cannot be created: ${messageOf(error)}. Name another with --out.`,
      { cause: error },
    );
  }
  const interrupted = io.interrupted();
  for (const [part, ending, size] of [
    ['clip', 'mp4', clip?.bytes],
    ['snapshot', 'jpg', snapshot?.bytes],
  ] as const) {
    if (size === undefined) continue;
    const file = await OutputFile.prepare(join(out, `${id}.${ending}`), force);
    const source = await proxy.download(`annotations/${id}/${part}.${ending}`, interrupted);
    const bytes = await file.writeAll(source, interrupted, () => undefined);
    if (!isJson) io.out(`${file.path}: ${bytesText(bytes)}\n`);
  }
}
