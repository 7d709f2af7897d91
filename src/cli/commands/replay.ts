import { InvalidArgumentError, Option, type Command } from 'commander';
import type { StreamProcess } from '../../rest/routes/stream-process.js';
import type { CameraBody, ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { timeText } from '../format.js';
import type { Io } from '../io.js';
import { MOMENT_FORMS, resolveMoment, type Moment } from '../moment.js';
import { streamUrl } from '../stream-url.js';
import { moment } from './moment-option.js';

export interface ReplayOptions {
  readonly replay?: string;
  readonly from?: Moment;
  readonly to?: Moment;
  readonly speed?: number;
  readonly loop?: boolean;
}

/** Adds what `camera add` takes instead of a URL. */
export function withReplayOptions(command: Command): Command {
  return command
    .option('--replay <camera>', 'instead of a URL: play what is recorded of this camera')
    .addOption(new Option('--from <time>', 'of a replay, its first moment').argParser(moment))
    .addOption(new Option('--to <time>', 'of a replay, its last moment').argParser(moment))
    .addOption(new Option('--speed <n>', 'of a replay, how fast: 2x, 0.5').argParser(speed))
    .option('--loop', 'of a replay, over and over')
    .addHelpText('after', `\nA time is ${MOMENT_FORMS}.`);
}

/** Where the pictures of a new camera come from. Throws CliError. */
export async function sourceOf(
  io: Io,
  client: Pick<ProxyClient, 'info'>,
  url: string | undefined,
  options: ReplayOptions,
): Promise<Pick<CameraBody, 'rtsp_endpoint' | 'replay'>> {
  const { replay: camera, from, to, speed: times, loop } = options;
  if (camera === undefined) {
    const stray = (['from', 'to', 'speed', 'loop'] as const).find((name) => options[name] !== undefined);
    if (stray !== undefined) throw wrong(`--${stray} is for a replay: say which camera with --replay CAMERA.`);
    if (url === undefined) throw wrong('Say where its pictures come from: a URL, or --replay CAMERA.');
    return { rtsp_endpoint: await streamUrl(url, io) };
  }
  if (url !== undefined) throw wrong('A URL and --replay exclude each other: leave one of them out.');
  if (from === undefined || to === undefined) throw wrong('A replay needs --from and --to.');
  const { time } = await client.info();
  const range = { camera, from: resolveMoment(from, time), to: resolveMoment(to, time) };
  if (range.from >= range.to) {
    throw wrong(`--from (${timeText(range.from)}) is not before --to (${timeText(range.to)}).`);
  }
  return {
    replay: { ...range, ...(times === undefined ? {} : { speed: times }), ...(loop === undefined ? {} : { loop }) },
  };
}

/** For a line of a list: "replay of yard, 2x, loop"; the URL of a camera that is none. */
export function sourceText({ rtsp_endpoint: url, chrysproxy: { replay } }: StreamProcess): string {
  // An older proxy does not tell.
  if (replay === null || typeof replay !== 'object') return url;
  return [`replay of ${replay.camera}`, ...mannerOf(replay)].join(', ');
}

/** The same with its range. */
export function longSourceText(camera: StreamProcess): string {
  const { replay } = camera.chrysproxy;
  if (replay === null || typeof replay !== 'object') return camera.rtsp_endpoint;
  const range = `from ${timeText(replay.from)} to ${timeText(replay.to)}`;
  return [`replay of ${replay.camera} ${range}`, ...mannerOf(replay)].join(', ');
}

function mannerOf({ speed: times, loop }: NonNullable<StreamProcess['chrysproxy']['replay']>): string[] {
  return [...(times === 1 ? [] : [`${times}x`]), ...(loop ? ['loop'] : [])];
}

/** "2x", "2" or "0.5". */
function speed(text: string): number {
  const match = /^(\d{1,4}(?:\.\d{1,6})?)x?$/i.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be a number, such as 2x or 0.5.');
  return Number(match[1]);
}

function wrong(text: string): CliError {
  return new CliError(EXIT.usage, text);
}
