import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import type { StreamProcess } from '../../rest/routes/stream-process.js';
import { CameraRates } from '../camera-rates.js';
import type { ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { table } from '../format.js';
import type { Io } from '../io.js';
import { LiveText } from '../screen.js';
import { clientFor, urlOption } from './camera.js';

interface Options {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly url?: string;
}

/** What `--json` prints of each camera. Null = not known (yet). */
interface CameraFigures {
  readonly name: string;
  readonly phase: string;
  readonly message: string;
  readonly fps: number | null;
  readonly bitrate_kbps: number | null;
  readonly decoding: string;
  /** Share of one core that decodes, scales and encodes. */
  readonly cpu: number | null;
  readonly callers: number;
  /** Of the newest packet. */
  readonly age_ms: number | null;
}

const INTERVAL_MS = 1000;

export function watchCommand(io: Io): Command {
  return new Command('watch')
    .description('show every second what cameras do, until Ctrl-C')
    .argument('[name]', 'this camera alone')
    .option('--once', 'watch for one second, print the figures and end')
    .option('--json', 'print one JSON object a line')
    .addOption(urlOption())
    .action((name: string | undefined, options: Options) => watch(io, name, options));
}

async function watch(io: Io, name: string | undefined, options: Options): Promise<void> {
  const client = clientFor(options, io);
  const interrupted = io.interrupted();
  const rates = new CameraRates();
  const { time } = await client.info();
  const aheadMs = time - Date.now();
  rates.add(await camerasOf(client, name), performance.now());
  const text = io.screen === undefined || options.json === true ? undefined : new LiveText(io.screen, io);
  try {
    while (await elapsed(interrupted)) {
      const shown = await look(client, name, rates, Date.now() + aheadMs, options).catch((error: unknown) => {
        // Who looks at it wants to see that it comes back; a script wants to know at once.
        if (text === undefined || !isAway(error)) throw error;
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

async function look(
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

function isAway(error: unknown): boolean {
  return error instanceof CliError && error.exitCode === EXIT.noProxy;
}

/** False: interrupted before the second was over. */
async function elapsed(interrupted: AbortSignal): Promise<boolean> {
  return await delay(INTERVAL_MS, true, { signal: interrupted }).catch(() => false);
}
