import { InvalidArgumentError, Option, type Command } from 'commander';
import type { StreamProcess } from '../../rest/route-table/stream-process.js';
import type { CameraBody, ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { timeText } from '../format.js';
import type { Io } from '../io.js';
import { resolveMoment, type Moment } from '../moment.js';
import { streamUrl } from '../stream-url.js';
import { moment } from './options.js';

export interface ReplayOptions {
  readonly replay?: string;
  readonly from?: Moment;
  readonly to?: Moment;
  readonly speed?: number;
  readonly loop?: boolean;
}

/** Adds the options of `camera add` for a replay. */
export function addReplayOptions(command: Command): Command {
  return command
    .option('--replay <camera>', 'Plays what is recorded of this camera, which may have been removed. Excludes a URL.')
    .addOption(new Option('--from <time>', 'Start of the replay; required with --replay.').argParser(moment))
    .addOption(
      new Option('--to <time>', 'End of the replay, at most 24 hours after its start; required.').argParser(moment),
    )
    .addOption(
      new Option('--speed <n>', 'Speed of the replay, 0.1 to 16, such as 2x or 0.5. Default: 1.').argParser(speed),
    )
    .option('--loop', 'Repeats the replay until the camera is removed.');
}

/** The source of a new camera, as the proxy expects it. Throws CliError when the options contradict each other. */
export async function sourceOf(
  io: Io,
  client: Pick<ProxyClient, 'info'>,
  url: string | undefined,
  options: ReplayOptions,
): Promise<Pick<CameraBody, 'rtsp_endpoint' | 'replay'>> {
  const { replay: camera, from, to, speed: times, loop } = options;
  if (camera === undefined) {
    const stray = (['from', 'to', 'speed', 'loop'] as const).find((name) => options[name] !== undefined);
    if (stray !== undefined) throw usageError(`--${stray} is only for a replay: name the camera with --replay CAMERA.`);
    if (url === undefined) throw usageError('A source is missing: give a URL, or --replay CAMERA.');
    return { rtsp_endpoint: await streamUrl(url, io) };
  }
  if (url !== undefined) throw usageError('A URL and --replay exclude each other: leave one of them out.');
  if (from === undefined || to === undefined) throw usageError('A replay needs --from and --to.');
  const { time } = await client.info();
  const range = { camera, from: resolveMoment(from, time), to: resolveMoment(to, time) };
  if (range.from >= range.to) {
    throw usageError(`--from (${timeText(range.from)}) is not before --to (${timeText(range.to)}).`);
  }
  return {
    replay: { ...range, ...(times === undefined ? {} : { speed: times }), ...(loop === undefined ? {} : { loop }) },
  };
}

/** The source for one line of a list: "replay of yard, 2x, loop", or the URL. */
export function sourceText({ rtsp_endpoint: url, chrysproxy: { replay } }: StreamProcess): string {
  // An older proxy does not send this field.
  if (replay === null || typeof replay !== 'object') return url;
  return [`replay of ${replay.camera}`, ...playbackOf(replay)].join(', ');
}

/** The source with the range of a replay. */
export function longSourceText(camera: StreamProcess): string {
  const { replay } = camera.chrysproxy;
  if (replay === null || typeof replay !== 'object') return camera.rtsp_endpoint;
  const range = `from ${timeText(replay.from)} to ${timeText(replay.to)}`;
  return [`replay of ${replay.camera} ${range}`, ...playbackOf(replay)].join(', ');
}

function playbackOf({ speed: times, loop }: NonNullable<StreamProcess['chrysproxy']['replay']>): string[] {
  return [...(times === 1 ? [] : [`${times}x`]), ...(loop ? ['loop'] : [])];
}

/** Parses "2x", "2" or "0.5". */
function speed(text: string): number {
  const match = /^(\d{1,4}(?:\.\d{1,6})?)x?$/i.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be a number, such as 2x or 0.5.');
  return Number(match[1]);
}

function usageError(text: string): CliError {
  return new CliError(EXIT.usage, text);
}
