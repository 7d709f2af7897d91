/** Shared by all works of the bench: cameras, the proxy, clients, and the report. */
import { Farm, type MountOptions } from '../farm/farm.js';
import { Proxy, type ProxyOptions } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { coresOf, pssMegabytes } from './measure.js';
import { type ClientOptions, type ClientResult, end, runClient, startPyavServer } from './peers.js';
import type { Row } from './report.js';

export const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 40);
const ROUNDS = 2;
/**
 * Time for opening streams, filling decoders, and V8's compiler, which needs half a minute at 25 calls per second. client.py
 * leaves out the same time.
 */
export const WARM_UP_MS = 30_000;
/** Time after which the work of a start, mainly compiling, is done. */
export const SETTLE_MS = 15_000;
/** The same for an idle proxy: V8 collects the garbage of the start up to 46 s after it. */
export const IDLE_SETTLE_MS = 50_000;
export const HD = 'h264-1920x1080-25-g50';
export const SD = 'h264-640x480-25-g50';

export interface Served {
  readonly cores: number;
  readonly clients: readonly ClientResult[];
  readonly pssMb: number;
}

export function mounts(clip: string, count: number): MountOptions[] {
  return Array.from({ length: count }, (_, i) => ({ path: `cam${i + 1}`, clip, shared: true }));
}

export async function withFarm<T>(
  clip: string,
  count: number,
  body: (farm: Farm, names: string[]) => Promise<T>,
): Promise<T> {
  const farm = await Farm.start({ mounts: mounts(clip, count) });
  try {
    return await body(
      farm,
      mounts(clip, count).map(({ path }) => path),
    );
  } finally {
    await farm.stop();
  }
}

export async function withProxy<T>(
  farm: Farm,
  names: readonly string[],
  body: (proxy: Proxy) => Promise<T>,
  options: ProxyOptions = {},
): Promise<T> {
  const proxy = await Proxy.start(options);
  try {
    for (const name of names) {
      const body = JSON.stringify({ name, rtsp_endpoint: farm.url(name) });
      const answer = await fetch(`${proxy.restUrl}/api/v1/process`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`camera ${name} was refused: ${await answer.text()}`);
    }
    return await body(proxy);
  } catch (error) {
    if (!proxy.running) throw new Error(`the proxy has ended; it wrote:\n${proxy.output}`, { cause: error });
    throw error;
  } finally {
    await proxy.dispose();
  }
}

/** Runs one client per camera, all at the same time. */
export async function serve(
  farm: Farm,
  names: readonly string[],
  address: string,
  pid: number,
  options: Partial<ClientOptions> = {},
): Promise<Served> {
  const running = Promise.all(
    names.map((name) => runClient(farm, address, name, { seconds: SECONDS / ROUNDS, ...options })),
  );
  await pause(WARM_UP_MS);
  const cores = await coresOf([pid], options.seconds ?? SECONDS / ROUNDS);
  const pssMb = pssMegabytes(pid);
  return { cores, clients: await running, pssMb };
}

async function serveOurs(farm: Farm, names: readonly string[]): Promise<Served> {
  return await withProxy(farm, names, (proxy) => serve(farm, names, proxy.grpcAddress, proxy.pid));
}

async function servePeer(farm: Farm, names: readonly string[]): Promise<Served> {
  const { child, address } = await startPyavServer(names.map((name) => ({ name, url: farm.url(name) })));
  try {
    return await serve(farm, names, address, child.pid ?? 0);
  } finally {
    await end([child]);
  }
}

/** Measures the proxy and the peer alternately, so that a change of the machine's speed affects both. */
export async function compare(farm: Farm, names: readonly string[]): Promise<{ ours: Served; peer: Served }> {
  const ours: Served[] = [];
  const peer: Served[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await serveOurs(farm, names));
    peer.push(await servePeer(farm, names));
  }
  return { ours: merged(ours), peer: merged(peer) };
}

function merged(rounds: readonly Served[]): Served {
  const mean = (of: (round: Served) => number): number => rounds.reduce((sum, round) => sum + of(round), 0) / ROUNDS;
  const [first] = rounds;
  if (first === undefined) throw new Error('nothing was measured');
  const clients = first.clients.map((_, camera) => {
    const of = (key: keyof ClientResult) => (round: Served) => round.clients[camera]?.[key] ?? NaN;
    const total = (key: keyof ClientResult): number => mean(of(key)) * ROUNDS;
    return {
      frames: total('frames'),
      missed: total('missed'),
      repeated: total('repeated'),
      disordered: total('disordered'),
      torn: total('torn'),
      empty: total('empty'),
      median_age_ms: mean(of('median_age_ms')),
      p95_age_ms: mean(of('p95_age_ms')),
    };
  });
  return { cores: mean(({ cores }) => cores), clients, pssMb: Math.max(...rounds.map(({ pssMb }) => pssMb)) };
}

export function delivered(work: string, ours: Served, peer: Served, bar: Row['bar']): Row {
  return { work, ours: percent(share(ours)), peer: percent(share(peer)), value: share(ours), bar };
}

export function cpu(work: string, ours: Served, peer: Served, max: number): Row {
  return {
    work,
    ours: cores(ours.cores),
    peer: `${cores(peer.cores)} (PyAV + grpcio)`,
    value: ours.cores / peer.cores,
    bar: { max },
  };
}

export function sum(served: Served, of: (client: ClientResult) => number): number {
  return served.clients.reduce((total, client) => total + of(client), 0);
}

export function share(served: Served): number {
  const frames = sum(served, (client) => client.frames);
  return frames / (frames + sum(served, (client) => client.missed + client.torn));
}

/** The value of the worst camera. */
export function medianAge(served: Served): number {
  return Math.max(...served.clients.map((client) => client.median_age_ms));
}

export function slowest(served: Served, seconds = SECONDS): number {
  return Math.min(...served.clients.map((client) => client.frames)) / seconds;
}

export const cores = (value: number): string => `${value.toFixed(3)} core`;
export const ms = (value: number): string => `${value.toFixed(1)} ms`;
export const fps = (value: number): string => `${value.toFixed(1)} fps`;
export const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
