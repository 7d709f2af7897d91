import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { AnnotationAnswer } from '../../rest/routes/annotations.js';
import { messageOf } from '../../base/errors.js';
import type { ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, fields, json, plain, timeText } from '../format.js';
import type { Io } from '../io.js';
import { VideoFile } from '../video-file.js';
import { clientFor, urlOption } from './camera.js';

interface Options {
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly url?: string;
}

type EvidenceAnswer = NonNullable<AnnotationAnswer['evidence']>;

export function evidenceCommand(io: Io): Command {
  return new Command('evidence')
    .description('how far the clip and the picture beside an annotation are; saves them with --out')
    .argument('<id>', 'of the annotation, as Annotate answered it')
    .option('--out <dir>', 'save them in this folder')
    .option('--force', 'replace files that are there')
    .option('--json', 'print the annotation as JSON')
    .addOption(urlOption())
    .action((id: string, options: Options) => evidence(io, id, options));
}

async function evidence(io: Io, id: string, options: Options): Promise<void> {
  const proxy = clientFor(options, io);
  const answer = (await proxy.ask('GET', `annotations/${encodeURIComponent(id)}`)) as AnnotationAnswer;
  if (options.json === true) io.out(json(answer));
  const found = answer.evidence;
  if (found === undefined) {
    throw new CliError(EXIT.notFound, `No evidence was asked for with annotation ${answer.id}.`);
  }
  if (options.json !== true) io.out(describe(answer, found));
  if (options.out !== undefined) await save(io, proxy, { ...options, out: options.out }, answer.id, found);
}

function describe({ camera, type, start_timestamp: startMs }: AnnotationAnswer, found: EvidenceAnswer): string {
  const { state, reason, clip, snapshot } = found;
  const clipText = clip && `${timeText(clip.from)} to ${timeText(clip.to)}, ${bytesText(clip.bytes)}`;
  const frameText = snapshot && `frame ${snapshot.frame_id} of ${timeText(snapshot.timestamp)}`;
  return fields([
    ['Annotation', `${plain(camera)}, ${plain(type)}, ${timeText(startMs)}`],
    ['State', state],
    ['Clip', clipText ?? 'none'],
    ['Snapshot', frameText ?? 'none'],
    ...(reason === null ? [] : [['Missing', plain(reason)] as const]),
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
    throw new CliError(EXIT.failed, `${out} cannot be made: ${messageOf(error)}.`, { cause: error });
  }
  const interrupted = io.interrupted();
  for (const [part, ending, size] of [
    ['clip', 'mp4', clip?.bytes],
    ['snapshot', 'jpg', snapshot?.bytes],
  ] as const) {
    if (size === undefined) continue;
    const file = await VideoFile.prepare(join(out, `${id}.${ending}`), force);
    const source = await proxy.download(`annotations/${id}/${part}.${ending}`, interrupted);
    const bytes = await file.writeAll(source, interrupted, () => undefined);
    if (!isJson) io.out(`${file.path}: ${bytesText(bytes)}\n`);
  }
}
