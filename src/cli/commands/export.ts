import { Command } from 'commander';
import type { TimelineAnswer } from '../../rest/routes/timeline.js';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, durationText, json, plain } from '../format.js';
import type { Io } from '../io.js';
import { MOMENT_FORMS, resolveMoment, type Moment } from '../moment.js';
import { ProgressBar } from '../progress.js';
import { RecordingsClient, type Range } from '../recordings-client.js';
import { VideoFile } from '../video-file.js';
import { clientFor, urlOption } from './camera.js';
import { moment } from './moment-option.js';

interface Options {
  readonly from: Moment;
  readonly to?: Moment;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly url?: string;
}

interface Estimate {
  /** Of video, without the gaps. */
  readonly lengthMs: number;
  /** 0 = not known: it is in memory only. */
  readonly bytes: number;
}

export function exportCommand(io: Io): Command {
  return new Command('export')
    .description('save a part of what is recorded, or still in memory, as one mp4 file')
    .argument('<name>')
    .argument('<file>', 'its name usually ends with .mp4')
    .requiredOption('--from <time>', 'the first moment', moment)
    .option('--to <time>', 'the last moment; default: now', moment)
    .option('--force', 'replace the file if there is one')
    .option('--json', 'print what was saved as JSON')
    .addOption(urlOption())
    .addHelpText('after', `\nA time is ${MOMENT_FORMS}.`)
    .action((name: string, file: string, options: Options) => exportRange(io, name, file, options));
}

async function exportRange(io: Io, name: string, path: string, options: Options): Promise<void> {
  const proxy = clientFor(options, io);
  const client = new RecordingsClient(proxy);
  const file = await VideoFile.prepare(path, options.force === true);
  const nowMs = (await proxy.info()).time;
  const range = {
    fromMs: resolveMoment(options.from, nowMs),
    toMs: options.to === undefined ? nowMs : resolveMoment(options.to, nowMs),
  };
  const estimate = estimateOf(await client.timeline(name, range), range);
  const bytes = await save(io, client, { name, range, estimate, file });
  if (options.json === true) {
    io.out(json({ camera: name, file: path, from: range.fromMs, to: range.toMs, bytes }));
  } else {
    io.out(`${path}: ${bytesText(bytes)} of "${plain(name)}"\n`);
  }
}

interface Job {
  readonly name: string;
  readonly range: Range;
  readonly estimate: Estimate;
  readonly file: VideoFile;
}

async function save(io: Io, client: RecordingsClient, { name, range, estimate, file }: Job): Promise<number> {
  const interrupted = io.interrupted();
  const bar = new ProgressBar(io);
  try {
    if (estimate.lengthMs > 0) io.err(`${plain(name)}: ${estimateText(estimate)}\n`);
    const source = await client.clipFile(name, range, interrupted);
    return await file.writeAll(source, interrupted, (bytes) => {
      if (estimate.bytes > 0) bar.show(bytes / estimate.bytes, bytesText(bytes));
    });
  } catch (error) {
    if (interrupted.aborted && !(error instanceof CliError)) {
      throw new CliError(EXIT.failed, `Stopped before it began: ${file.path} is not written.`, { cause: error });
    }
    throw error;
  } finally {
    bar.clear();
  }
}

/** Segments count as a whole, so the file may be a little smaller, or larger by what only memory has. */
function estimateOf({ spans, memory, bytes }: TimelineAnswer, range: Range): Estimate {
  const parts = [...spans, ...(memory === null ? [] : [memory])]
    .map(({ from, to }) => ({ from: Math.max(from, range.fromMs), to: Math.min(to, range.toMs) }))
    .sort((one, other) => one.from - other.from);
  let lengthMs = 0;
  let endMs = range.fromMs;
  for (const { from, to } of parts) {
    lengthMs += Math.max(0, to - Math.max(from, endMs));
    endMs = Math.max(endMs, to);
  }
  return { lengthMs, bytes };
}

function estimateText({ lengthMs, bytes }: Estimate): string {
  return `${durationText(lengthMs)} of video${bytes === 0 ? '' : `, about ${bytesText(bytes)}`}`;
}
