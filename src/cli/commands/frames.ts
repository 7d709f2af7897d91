import { Command, InvalidArgumentError } from 'commander';
import { DURATION_FORMS, parseDurationMs } from '../../base/duration.js';
import {
  PictureFormat,
  VideoFrameBufferedRequest,
  type VideoBuffer,
} from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { CliError, EXIT } from '../exit-codes.js';
import { FrameFolder, frameFileName } from '../frame-files.js';
import { bytesText, json, plain, timeText } from '../format.js';
import type { ImageClient } from '../grpc-client.js';
import type { Io } from '../io.js';
import { MOMENT_FORMS, resolveMoment, type Moment } from '../moment.js';
import { ProgressBar } from '../progress.js';
import { clientFor, urlOption, wholeNumber } from './camera.js';
import { moment } from './moment-option.js';

interface Options {
  readonly from?: Moment;
  readonly to?: Moment;
  readonly every?: number;
  readonly out: string;
  readonly width?: number;
  readonly quality?: number;
  readonly keyframes?: boolean;
  readonly grpc?: string;
  readonly url?: string;
  readonly json?: boolean;
}

/** What was saved; times are milliseconds since the epoch. */
interface Saved {
  readonly camera: string;
  readonly folder: string;
  frames: number;
  bytes: number;
  first: number | null;
  last: number | null;
  /** Places where frames of the range were lost, and their time in all. */
  gaps: number;
  gap_ms: number;
  complete: boolean;
}

const MAX_EVERY_MS = 2 ** 31 - 1;

export function framesCommand(io: Io): Command {
  return new Command('frames')
    .description('save the frames of a camera that the proxy still has, as JPEG files')
    .argument('<name>')
    .requiredOption('--out <folder>', 'where the files go; it is made when it is not there')
    .option('--from <time>', 'the first moment; default: the oldest frame', moment)
    .option('--to <time>', 'the last moment; default: now', moment)
    .option('--every <duration>', 'a frame about every so often; default: every frame', every)
    .option('--keyframes', 'keyframes only')
    .option('--width <pixels>', 'scale them down to this width', wholeNumber)
    .option('--quality <n>', 'of the JPEGs, 1 to 100', wholeNumber)
    .option('--json', 'print what was saved as JSON')
    .option('--grpc <host:port>', 'address of the gRPC interface; default: what the proxy at --url tells')
    .addOption(urlOption())
    .addHelpText('after', `\nA time is ${MOMENT_FORMS}.`)
    .action((name: string, options: Options) => frames(io, name, options));
}

async function frames(io: Io, name: string, options: Options): Promise<void> {
  if (options.keyframes === true && options.every !== undefined) {
    throw new CliError(EXIT.usage, '--keyframes and --every exclude each other: leave one of them out.');
  }
  const proxy = clientFor(options, io);
  const address = options.grpc ?? (await proxy.grpcAddress());
  // Only here, because loading gRPC takes longer than most commands take.
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
    const text = `--from (${timeText(fromMs)}) is later than --to (${timeText(toMs)}): exchange them.`;
    throw new CliError(EXIT.usage, text);
  }
  const extent = await client.extent(name);
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
  const saved = await saveAll(io, client, request, await FrameFolder.open(options.out), extent);
  if (saved.frames === 0 && saved.complete) {
    throw new CliError(EXIT.failed, nothingThere(name, fromMs, toMs, extent));
  }
  return saved;
}

async function saveAll(
  io: Io,
  client: ImageClient,
  request: VideoFrameBufferedRequest,
  folder: FrameFolder,
  extent: VideoBuffer | undefined,
): Promise<Saved> {
  const memoryMs = Math.max(request.timestampFrom, extent?.startTime ?? 0);
  const endMs = Math.min(request.timestampTo, extent?.endTime ?? Infinity);
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
    for await (const frame of client.past(request, interrupted)) {
      await folder.write(frameFileName(frame.timestamp, frame.frameId), frame.data);
      saved.frames += 1;
      saved.bytes += frame.data.length;
      saved.first ??= frame.timestamp;
      saved.last = frame.timestamp;
      saved.gaps += frame.gapMs > 0 ? 1 : 0;
      saved.gap_ms += frame.gapMs;
      // What is recorded begins before what is in memory.
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
    const what = `${saved.frames} frames, ${bytesText(saved.bytes)}${range}${lost}`;
    io.out(`${plain(saved.camera)}: ${what}. They are in ${saved.folder}\n`);
  }
  if (!saved.complete) {
    throw new CliError(EXIT.failed, `Stopped before the end: ${saved.frames} frames are saved.`);
  }
}

function nothingThere(name: string, fromMs: number, toMs: number, extent: VideoBuffer | undefined): string {
  const range = `${fromMs === 0 ? 'the beginning' : timeText(fromMs)} and ${timeText(toMs)}`;
  const held =
    extent === undefined
      ? 'in memory the proxy holds none at all'
      : `in memory the proxy holds those from ${timeText(extent.startTime)} to ${timeText(extent.endTime)}`;
  return `There are no frames of "${name}" between ${range}: ${held}. buffer.in_memory sets how many it keeps, and "chrysproxy recordings list" tells what is recorded.`;
}

function every(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1 || ms > MAX_EVERY_MS) {
    throw new InvalidArgumentError(`It must be a duration of at least 1ms: ${DURATION_FORMS}.`);
  }
  return ms;
}
