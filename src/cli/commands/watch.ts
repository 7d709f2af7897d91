import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import type { StreamProcess } from '../../rest/route-table/stream-process.js';
import { CameraRates } from '../camera-rates.js';
import type { ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { table } from '../format.js';
import type { Io } from '../io.js';
import { LiveText } from '../screen.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

interface Options extends RemoteOptions {
  readonly once?: boolean;
}

/** One camera in the output of --json. Null: not known (yet). */
interface CameraFigures {
  readonly name: string;
  readonly phase: string;
  readonly message: string;
  readonly fps: number | null;
  readonly bitrate_kbps: number | null;
  readonly decoding: string;
  /** CPU time for decoding, scaling and encoding, as a fraction of one core. */
  readonly cpu: number | null;
  readonly callers: number;
  /** Age of the newest packet, in milliseconds. */
  readonly age_ms: number | null;
}

const INTERVAL_MS = 1000;

const DESCRIPTION = `\
Prints every second what the cameras do, until Ctrl-C or SIGTERM, with exit code 0.

The columns are: state, frames per second that arrive, bit rate, what is decoded, CPU for decoding, scaling and encoding as \
a share of one core, callers that wait for a frame, age of the newest packet, and why a camera does not run. Rates are \
averages of the last 5 s. On a terminal, the table is replaced in place, and a proxy that stops is waited for; elsewhere, \
one table follows the other.`;

export function watchCommand(io: Io): Command {
  return new Command('watch')
    .summary('Prints every second what the cameras do.')
    .description(DESCRIPTION)
    .argument('[name]', 'Name of the camera. Default: all cameras.')
    .option('--once', 'Watches for one second, prints the values and ends.')
    .option(
      '--json',
      'Prints one JSON object per line: time and cameras, each with name, phase, message, fps, bitrate_kbps, decoding, cpu, ' +
        'callers, age_ms. A value that is not known is null.',
    )
    .addOption(urlOption())
    .action((name: string | undefined, options: Options) => watch(io, name, options));
}

async function watch(io: Io, name: string | undefined, options: Options): Promise<void> {
  const client = clientFor(options, io);
  const interrupted = io.interrupted();
  const rates = new CameraRates();
  const { time } = await client.info();
  const clockOffsetMs = time - Date.now();
  rates.add(await camerasOf(client, name), performance.now());
  const text = io.screen === undefined || options.json === true ? undefined : new LiveText(io.screen, io);
  try {
    while (await intervalPassed(interrupted)) {
      const shown = await sample(client, name, rates, Date.now() + clockOffsetMs, options).catch((error: unknown) => {
        // A person at a terminal waits for the proxy to return; a script must fail at once.
        if (text === undefined || !isUnreachable(error)) throw error;
        return `${messageOf(error)}\n`;
      });
      if (text === undefined) io.out(shown);
      else text.show(shown);
      if (options.once === true) return;
    }
  } finally {
    text?.end();
  }
}

/** Reads the counters, and returns the text to print. */
async function sample(
  client: ProxyClient,
  name: string | undefined,
  rates: CameraRates,
  nowMs: number,
  options: Options,
): Promise<string> {
  const cameras = await camerasOf(client, name);
  rates.add(cameras, performance.now());
  const figures = cameras.map((camera) => figuresOf(camera, rates, nowMs));
  return options.json === true ? `${JSON.stringify({ time: nowMs, cameras: figures })}\n` : tableOf(figures);
}

async function camerasOf(client: ProxyClient, name: string | undefined): Promise<StreamProcess[]> {
  return name === undefined ? await client.list({ logs: false }) : [await client.show(name, { logs: false })];
}

function figuresOf({ name, chrysproxy }: StreamProcess, rates: CameraRates, nowMs: number): CameraFigures {
  const { phase, message, stats } = chrysproxy;
  const current = rates.of(name);
  return {
    name,
    phase,
    message,
    fps: phase === 'running' && stats.fps > 0 ? Math.round(stats.fps * 10) / 10 : null,
    bitrate_kbps: current === undefined ? null : Math.round(current.bitsPerSecond / 1000),
    decoding: stats.decoding,
    cpu: current === undefined ? null : Math.round(current.core * 1000) / 1000,
    callers: stats.callers,
    age_ms: stats.last_packet === null ? null : Math.max(0, nowMs - stats.last_packet),
  };
}

function tableOf(cameras: readonly CameraFigures[]): string {
  if (cameras.length === 0) {
    return 'There is no camera yet.\n';
  }
  const head = ['NAME', 'STATE', 'FPS IN', 'KBIT/S', 'DECODED', 'CPU', 'CALLERS', 'AGE', 'MESSAGE'];
  const rows = cameras.map((camera) => [
    camera.name,
    camera.phase,
    camera.fps?.toString() ?? '-',
    camera.bitrate_kbps?.toString() ?? '-',
    camera.decoding,
    camera.cpu === null ? '-' : `${(camera.cpu * 100).toFixed(1)} %`,
    String(camera.callers),
    camera.age_ms === null ? '-' : ageText(camera.age_ms),
    camera.message,
  ]);
  return table(head, rows);
}

function ageText(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CliError && error.exitCode === EXIT.noProxy;
}

/** Waits for one interval; false: interrupted. */
async function intervalPassed(interrupted: AbortSignal): Promise<boolean> {
  return await delay(INTERVAL_MS, true, { signal: interrupted }).catch(() => false);
}
