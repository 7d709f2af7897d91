import { Command } from 'commander';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, durationText, json, plain, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { MOMENT_FORMS, resolveMoment, type Moment } from '../moment.js';
import { RecordingsClient, type Range } from '../recordings-client.js';
import { clientFor, urlOption } from './camera.js';
import { moment } from './moment-option.js';

export interface RangeOptions {
  readonly from?: Moment;
  readonly to?: Moment;
  readonly json?: boolean;
  readonly url?: string;
}

export function recordingsCommand(io: Io): Command {
  const recordings = new Command('recordings').description('list and check what a running proxy has recorded');
  recordings
    .command('list')
    .description('one line for each camera of which something is recorded, or for each segment of one')
    .argument('[name]', 'the segments of this camera')
    .option('--from <time>', 'segments from this moment on', moment)
    .option('--to <time>', 'segments up to this moment', moment)
    .option('--json', 'print them as JSON')
    .addOption(urlOption())
    .addHelpText('after', `\nA time is ${MOMENT_FORMS}.`)
    .action((name: string | undefined, options: RangeOptions) => list(io, name, options));
  recordings
    .command('check')
    .description('compare the list of segments with the disk, and mend the list')
    .option('--json', 'print what was found as JSON')
    .addOption(urlOption())
    .action((options: RangeOptions) => check(io, options));
  return recordings;
}

/** Moments by the proxy's clock; without them, 0 = open. Throws CliError when they are exchanged. */
export async function rangeOf(io: Io, { from, to, ...options }: RangeOptions): Promise<Range> {
  if (from === undefined && to === undefined) return { fromMs: 0, toMs: 0 };
  const nowMs = (await clientFor(options, io).info()).time;
  const fromMs = from === undefined ? 0 : resolveMoment(from, nowMs);
  const toMs = to === undefined ? 0 : resolveMoment(to, nowMs);
  if (toMs > 0 && fromMs > toMs) {
    const text = `--from (${timeText(fromMs)}) is later than --to (${timeText(toMs)}): exchange them.`;
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
    io.out(`Nothing is recorded. Begin with: ${io.command} camera record NAME on\n`);
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
    io.out(`Nothing of "${plain(name)}" is recorded there. What is: ${io.command} recordings list\n`);
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
      `${report.good} segments are as they should be.`,
      `${report.added} were on the disk and not in the list; now they are.`,
      `${report.missing} were in the list and not on the disk; they are taken out.`,
      `${report.removed} leftovers of an interrupted recording are removed.`,
      `${report.foreign_count} files are not ours, and left alone${report.foreign_count === 0 ? '.' : ':'}`,
      ...report.foreign.map((file) => `  ${plain(file)}`),
      ...(more > 0 ? [`  and ${more} more`] : []),
    ]
      .map((line) => `${line}\n`)
      .join(''),
  );
}
