import { Command, InvalidArgumentError } from 'commander';
import { DURATION_FORMS, parseDurationMs } from '../../base/duration.js';
import {
  PictureFormat,
  VideoFrameBufferedRequest,
  type VideoBuffer,
} from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { CliError, EXIT } from '../exit-codes.js';
import { FrameFolder, frameFileName } from '../frame-files.js';
import { bytesText, json, printable, timeText } from '../format.js';
import type { ImageClient } from '../grpc-client.js';
import type { Io } from '../io.js';
import { resolveMoment, type Moment } from '../moment.js';
import { ProgressBar } from '../progress.js';
import { clientFor, moment, TIME_HELP, urlOption, wholeNumber, type RemoteOptions } from './options.js';

interface Options extends RemoteOptions {
  readonly from?: Moment;
  readonly to?: Moment;
  readonly every?: number;
  readonly out: string;
  readonly width?: number;
  readonly quality?: number;
  readonly keyframes?: boolean;
  readonly grpc?: string;
}

/** The output of --json. Times are milliseconds since the epoch. */
interface Saved {
  readonly camera: string;
  readonly folder: string;
  frames: number;
  bytes: number;
  first: number | null;
  last: number | null;
  /** Number of gaps in the range, and their total time in milliseconds. */
  gaps: number;
  gap_ms: number;
  complete: boolean;
}

const MAX_EVERY_MS = 2 ** 31 - 1;

const DESCRIPTION = `\
Saves the frames of a time range, from memory and from recordings, as JPEG files.

A file is named after the arrival of its frame in UTC and the frame id: 20260102T030405.678Z_0000000042.jpg. Names sort by \
time, and saving a range again writes the same files. A file is created only when it is complete.

    chrysproxy frames yard --from -30s --every 1s --out yard-frames
    chrysproxy frames yard --from 2026-01-02T03:04:00 --to 2026-01-02T03:04:10 --out accident

On a terminal, a progress bar is shown. Ctrl-C ends the command with exit code 1 and keeps the saved files. When the range \
has no frame, the command fails and prints which range the proxy has.

${TIME_HELP}`;

export function framesCommand(io: Io): Command {
  return new Command('frames')
    .summary('Saves the frames of a time range as JPEG files.')
    .description(DESCRIPTION)
    .argument('<name>', 'Name of the camera.')
    .requiredOption('--out <folder>', 'Folder of the files; required. It is created when it is missing.')
    .option('--from <time>', 'Start of the range. Default: the oldest frame.', moment)
    .option('--to <time>', 'End of the range. Default: now.', moment)
    .option('--every <duration>', 'Interval between two frames, such as 1s. Default: every frame.', every)
    .option('--keyframes', 'Saves keyframes only.')
    .option('--width <pixels>', 'Scales frames down to this width. Default: buffer.in_memory_scale.', wholeNumber)
    .option('--quality <n>', 'JPEG quality, 1 (small files) to 100 (best pictures). Default: 85.', wholeNumber)
    .option(
      '--json',
      'Prints the result as JSON: camera, folder, frames, bytes, first and last (milliseconds since the epoch), gaps, gap_ms, ' +
        'complete.',
    )
    .option(
      '--grpc <host:port>',
      'Address of the gRPC interface. Default: the host of --url, with the port that the proxy reports.',
    )
    .addOption(urlOption())
    .action((name: string, options: Options) => frames(io, name, options));
}

async function frames(io: Io, name: string, options: Options): Promise<void> {
  if (options.keyframes === true && options.every !== undefined) {
    throw new CliError(EXIT.usage, '--keyframes and --every exclude each other: leave one of them out.');
  }
  const proxy = clientFor(options, io);
  const address = options.grpc ?? (await proxy.grpcAddress());
  // Imported here because loading gRPC takes longer than most commands.
  const { ImageClient } = await import('../grpc-client.js');
  const client = new ImageClient(address, proxy.grpcTls);
  try {
    const saved = await save(io, client, name, options);
    report(io, saved, options);
  } finally {
    client.close();
  }
}

async function save(io: Io, client: ImageClient, name: string, options: Options): Promise<Saved> {
  const nowMs = await client.now();
  const fromMs = options.from === undefined ? 0 : resolveMoment(options.from, nowMs);
  const toMs = options.to === undefined ? nowMs : resolveMoment(options.to, nowMs);
  if (fromMs > toMs) {
    const text = `--from (${timeText(fromMs)}) is later than --to (${timeText(toMs)}): swap them.`;
    throw new CliError(EXIT.usage, text);
  }
  const memory = await client.memoryRange(name);
  const request = VideoFrameBufferedRequest.create({
    deviceId: name,
    timestampFrom: fromMs,
    timestampTo: toMs,
    format: PictureFormat.JPEG,
    width: options.width ?? 0,
    quality: options.quality ?? 0,
    intervalMs: options.every ?? 0,
    keyFrameOnly: options.keyframes === true,
  });
  const saved = await saveAll(io, client, request, await FrameFolder.open(options.out), memory);
  if (saved.frames === 0 && saved.complete) {
    throw new CliError(EXIT.failed, nothingThere(name, fromMs, toMs, memory));
  }
  return saved;
}

async function saveAll(
  io: Io,
  client: ImageClient,
  request: VideoFrameBufferedRequest,
  folder: FrameFolder,
  memory: VideoBuffer | undefined,
): Promise<Saved> {
  const memoryMs = Math.max(request.timestampFrom, memory?.startTime ?? 0);
  const endMs = Math.min(request.timestampTo, memory?.endTime ?? Infinity);
  const bar = new ProgressBar(io);
  const interrupted = io.interrupted();
  const saved: Saved = {
    camera: request.deviceId,
    folder: folder.path,
    frames: 0,
    bytes: 0,
    first: null,
    last: null,
    gaps: 0,
    gap_ms: 0,
    complete: false,
  };
  try {
    for await (const frame of client.history(request, interrupted)) {
      await folder.write(frameFileName(frame.timestamp, frame.frameId), frame.data);
      saved.frames += 1;
      saved.bytes += frame.data.length;
      saved.first ??= frame.timestamp;
      saved.last = frame.timestamp;
      saved.gaps += frame.gapMs > 0 ? 1 : 0;
      saved.gap_ms += frame.gapMs;
      // Recordings begin before memory does.
      const startMs = Math.min(memoryMs, saved.first);
      const share = (frame.timestamp - startMs) / Math.max(1, endMs - startMs);
      bar.show(share, `${saved.frames} frames, ${bytesText(saved.bytes)}`);
    }
  } finally {
    bar.clear();
  }
  saved.complete = !interrupted.aborted;
  return saved;
}

function report(io: Io, saved: Saved, options: Options): void {
  if (options.json === true) {
    io.out(json(saved));
  } else if (saved.frames > 0) {
    const range = saved.first === null ? '' : `, ${timeText(saved.first)} to ${timeText(saved.last ?? saved.first)}`;
    const lost = saved.gaps === 0 ? '' : `; ${saved.gaps} gaps, ${saved.gap_ms} ms of the range were lost`;
    const summary = `${saved.frames} frames, ${bytesText(saved.bytes)}${range}${lost}`;
    io.out(`${printable(saved.camera)}: ${summary}. They are in ${saved.folder}\n`);
  }
  if (!saved.complete) {
    throw new CliError(EXIT.failed, `Stopped before the end: ${saved.frames} frames are saved.`);
  }
}

function nothingThere(name: string, fromMs: number, toMs: number, memory: VideoBuffer | undefined): string {
  const from = fromMs === 0 ? 'the beginning' : timeText(fromMs);
  const inMemory =
    memory === undefined
      ? 'The proxy has none in memory'
      : `In memory, the proxy has frames from ${timeText(memory.startTime)} to ${timeText(memory.endTime)}`;
  return (
    `There are no frames of "${name}" between ${from} and ${timeText(toMs)}. ${inMemory}. "chrysproxy recordings list" ` +
    'prints what is recorded; buffer.in_memory sets how many frames memory keeps.'
  );
}

function every(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1 || ms > MAX_EVERY_MS) {
    throw new InvalidArgumentError(`It must be a duration of at least 1ms: ${DURATION_FORMS}.`);
  }
  return ms;
}
