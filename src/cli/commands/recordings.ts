import { Command } from 'commander';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, durationText, json, printable, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { resolveMoment, type Moment } from '../moment.js';
import { RecordingsClient, type Range } from '../recordings-client.js';
import { clientFor, moment, TIME_HELP, urlOption, type RemoteOptions } from './options.js';

interface RangeOptions extends RemoteOptions {
  readonly from?: Moment;
  readonly to?: Moment;
}

export function recordingsCommand(io: Io): Command {
  const recordings = new Command('recordings').description('Lists and checks the recordings of a running proxy.');
  recordings
    .command('list')
    .summary('Prints one line for each recorded camera, or for each segment of a camera.')
    .description(
      'Prints one line for each camera that has recordings, including removed cameras; with a name, one line for each segment ' +
        `of that camera.\n\n${TIME_HELP}`,
    )
    .argument('[name]', 'Name of the camera whose segments are printed.')
    .option('--from <time>', 'Only segments from this time on.', moment)
    .option('--to <time>', 'Only segments up to this time.', moment)
    .option('--json', 'Prints the answer of GET /api/v1/recordings, or all segments of the camera, as JSON.')
    .addOption(urlOption())
    .action((name: string | undefined, options: RangeOptions) => list(io, name, options));
  recordings
    .command('check')
    .summary('Compares the index of segments with the disk, and repairs the index.')
    .description(
      `\
Compares the index of segments with the folder on disk, and repairs the index. Segments that are missing in the index are \
added, segments without a file are removed from it, and files of an interrupted recording are deleted. Other files are \
listed and kept. The proxy does the same when it starts.`,
    )
    .option('--json', 'Prints the answer of POST /api/v1/recordings/check.')
    .addOption(urlOption())
    .action((options: RangeOptions) => check(io, options));
  return recordings;
}

/** The range by the proxy's clock; a missing start or end is 0, which means no limit. Throws CliError when `from` is after `to`. */
export async function rangeOf(io: Io, { from, to, ...options }: RangeOptions): Promise<Range> {
  if (from === undefined && to === undefined) return { fromMs: 0, toMs: 0 };
  const nowMs = (await clientFor(options, io).info()).time;
  const fromMs = from === undefined ? 0 : resolveMoment(from, nowMs);
  const toMs = to === undefined ? 0 : resolveMoment(to, nowMs);
  if (toMs > 0 && fromMs > toMs) {
    const text = `--from (${timeText(fromMs)}) is later than --to (${timeText(toMs)}): swap them.`;
    throw new CliError(EXIT.usage, text);
  }
  return { fromMs, toMs };
}

async function list(io: Io, name: string | undefined, options: RangeOptions): Promise<void> {
  const client = new RecordingsClient(clientFor(options, io));
  if (name !== undefined) {
    await listSegments(io, client, name, options);
    return;
  }
  if (options.from !== undefined || options.to !== undefined) {
    throw new CliError(EXIT.usage, '--from and --to need the name of a camera.');
  }
  const summary = await client.summary();
  if (options.json === true) {
    io.out(json(summary));
  } else if (summary.cameras.length === 0) {
    io.out(`Nothing is recorded. Start recording with: ${io.command} camera record NAME on\n`);
  } else {
    const rows = summary.cameras.map(({ camera, segments, bytes, from, to }) => [
      camera,
      String(segments),
      bytesText(bytes),
      timeText(from),
      timeText(to),
    ]);
    io.out(table(['CAMERA', 'SEGMENTS', 'SIZE', 'FROM', 'TO'], rows));
  }
}

async function listSegments(io: Io, client: RecordingsClient, name: string, options: RangeOptions): Promise<void> {
  const segments = await client.segments(name, await rangeOf(io, options));
  if (options.json === true) {
    io.out(json(segments));
  } else if (segments.length === 0) {
    io.out(
      `There are no segments of "${printable(name)}" in this range. List the recordings with: ${io.command} recordings list\n`,
    );
  } else {
    const rows = segments.map((segment) => [
      timeText(segment.start),
      durationText(segment.duration_ms),
      bytesText(segment.bytes),
      String(segment.frames),
      segment.audio ? `${segment.codec}+audio` : segment.codec,
      `${segment.width}x${segment.height}`,
      segment.file,
    ]);
    io.out(table(['START', 'LENGTH', 'SIZE', 'FRAMES', 'CODEC', 'PICTURE', 'FILE'], rows));
  }
}

async function check(io: Io, options: RangeOptions): Promise<void> {
  const report = await new RecordingsClient(clientFor(options, io)).check();
  if (options.json === true) {
    io.out(json(report));
    return;
  }
  const more = report.foreign_count - report.foreign.length;
  io.out(
    [
      `${report.good} segments are correct.`,
      `${report.added} segments were missing in the index and are added.`,
      `${report.missing} segments had no file and are removed from the index.`,
      `${report.removed} files of an interrupted recording are deleted.`,
      `${report.foreign_count} other files are kept${report.foreign_count === 0 ? '.' : ':'}`,
      ...report.foreign.map((file) => `  ${printable(file)}`),
      ...(more > 0 ? [`  and ${more} more`] : []),
    ]
      .map((line) => `${line}\n`)
      .join(''),
  );
}
