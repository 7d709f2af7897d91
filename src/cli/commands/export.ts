import { Command } from 'commander';
import type { TimelineAnswer } from '../../rest/route-table/recordings.js';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, durationText, json, printable } from '../format.js';
import type { Io } from '../io.js';
import { resolveMoment, type Moment } from '../moment.js';
import { ProgressBar } from '../progress.js';
import { RecordingsClient, type Range } from '../recordings-client.js';
import { OutputFile } from '../output-file.js';
import { clientFor, moment, TIME_HELP, urlOption, type RemoteOptions } from './options.js';

interface Options extends RemoteOptions {
  readonly from: Moment;
  readonly to?: Moment;
  readonly force?: boolean;
}

interface Estimate {
  /** Length of the video, without the gaps. */
  readonly lengthMs: number;
  /** 0: not known, because the range is only in memory. */
  readonly bytes: number;
}

const DESCRIPTION = `\
Saves a time range of a camera as one mp4 file, from its recordings and from memory, without encoding it again.

Players begin exactly at --from. During a gap in the range, the last picture is shown. The file ends where \
the codec or the picture size of the camera changes. A range has at most 24 hours.

The expected length and size are printed first; on a terminal, a progress bar follows. The file is created only when it is \
complete: after Ctrl-C or a lost connection, nothing is left behind and the exit code is 1. When the range is empty, the \
nearest recorded range is printed.

    chrysproxy export yard accident.mp4 --from 2026-01-02T03:04:00 --to 2026-01-02T03:14:00

${TIME_HELP}`;

export function exportCommand(io: Io): Command {
  return new Command('export')
    .summary('Saves a time range as an mp4 file.')
    .description(DESCRIPTION)
    .argument('<name>', 'Name of the camera.')
    .argument('<file>', 'Path of the mp4 file.')
    .requiredOption('--from <time>', 'Start of the range; required.', moment)
    .option('--to <time>', 'End of the range. Default: now.', moment)
    .option('--force', 'Replaces an existing file.')
    .option('--json', 'Prints camera, file, from, to and bytes as JSON.')
    .addOption(urlOption())
    .action((name: string, file: string, options: Options) => exportRange(io, name, file, options));
}

async function exportRange(io: Io, name: string, path: string, options: Options): Promise<void> {
  const proxy = clientFor(options, io);
  const client = new RecordingsClient(proxy);
  const file = await OutputFile.prepare(path, options.force === true);
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
    io.out(`${path}: ${bytesText(bytes)} of "${printable(name)}"\n`);
  }
}

interface Job {
  readonly name: string;
  readonly range: Range;
  readonly estimate: Estimate;
  readonly file: OutputFile;
}

async function save(io: Io, client: RecordingsClient, { name, range, estimate, file }: Job): Promise<number> {
  const interrupted = io.interrupted();
  const bar = new ProgressBar(io);
  try {
    if (estimate.lengthMs > 0) io.err(`${printable(name)}: ${estimateText(estimate)}\n`);
    const source = await client.clipFile(name, range, interrupted);
    return await file.writeAll(source, interrupted, (bytes) => {
      if (estimate.bytes > 0) bar.show(bytes / estimate.bytes, bytesText(bytes));
    });
  } catch (error) {
    if (interrupted.aborted && !(error instanceof CliError)) {
      throw new CliError(EXIT.failed, `Stopped before the start: ${file.path} is not written.`, { cause: error });
    }
    throw error;
  } finally {
    bar.clear();
  }
}

/** Estimates with whole segments, so the file may be a little smaller. The size of parts that are only in memory is not known. */
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
