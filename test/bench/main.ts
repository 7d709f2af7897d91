/**
 * `npm run bench [-- NAME …]`: every speed that is promised, as a ratio against a peer on the same streams in the same
 * run. Each work is measured for BENCH_SECONDS (default 40) in all, after warming up. Ends with 1 when a bar was missed.
 */
import { Farm, type MountOptions } from '../farm/farm.js';
import { Proxy } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { coresOf, pssMegabytes } from './measure.js';
import { type ClientResult, end, runClient, startFfmpegCopy, startPyavServer } from './peers.js';
import { keepJson, meets, printTable, type Row } from './report.js';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 40);
const ROUNDS = 2;
/**
 * Streams open, decoders fill, and V8 compiles: at 25 calls a second that takes it half a minute, of a proxy that runs for
 * months. client.py leaves out the same time.
 */
const WARM_UP_MS = 30_000;
/** An idle proxy is judged when what starting it left behind (compiling, collecting garbage) is over. */
const SETTLE_MS = 15_000;
const HD = 'h264-1920x1080-25-g50';
const SD = 'h264-640x480-25-g50';

interface Served {
  readonly cores: number;
  readonly clients: readonly ClientResult[];
  readonly pssMb: number;
}

function mounts(clip: string, count: number): MountOptions[] {
  return Array.from({ length: count }, (_, i) => ({ path: `cam${i + 1}`, clip, shared: true }));
}

async function withFarm<T>(clip: string, count: number, body: (farm: Farm, names: string[]) => Promise<T>): Promise<T> {
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

async function withProxy<T>(farm: Farm, names: readonly string[], body: (proxy: Proxy) => Promise<T>): Promise<T> {
  const proxy = await Proxy.start();
  try {
    for (const name of names) {
      const body = JSON.stringify({ name, rtsp_endpoint: farm.url(name) });
      const answer = await fetch(`${proxy.restUrl}/api/v1/process`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`camera ${name} was refused: ${await answer.text()}`);
    }
    return await body(proxy);
  } finally {
    await proxy.dispose();
  }
}

/** One client for each camera, all at once. */
async function serve(farm: Farm, names: readonly string[], address: string, pid: number): Promise<Served> {
  const running = Promise.all(names.map((name) => runClient(farm, address, name, SECONDS / ROUNDS)));
  await pause(WARM_UP_MS);
  const cores = await coresOf([pid], SECONDS / ROUNDS);
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

/** Ours and the peer in turn, so that a machine that grows slower meanwhile is as slow for both. */
async function compare(farm: Farm, names: readonly string[]): Promise<{ ours: Served; peer: Served }> {
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

async function benchIdle(): Promise<Row[]> {
  return await withFarm(HD, 4, async (farm, names) => {
    const ours = await withProxy(farm, names, async (proxy) => {
      await pause(SETTLE_MS);
      return await coresOf([proxy.pid], SECONDS);
    });
    const peers = names.map((name) => startFfmpegCopy(farm.url(name)));
    await pause(WARM_UP_MS);
    const theirs = await coresOf(
      peers.map((peer) => peer.pid ?? 0),
      SECONDS,
    );
    await end(peers);
    return [
      {
        work: '4 × 1080p25, nobody asking: CPU',
        ours: cores(ours),
        peer: `${cores(theirs)} (ffmpeg -c copy)`,
        value: ours / theirs,
        bar: { most: 1.2 },
      },
    ];
  });
}

async function benchOne(): Promise<Row[]> {
  return await withFarm(HD, 1, async (farm, names) => {
    const { ours, peer } = await compare(farm, names);
    return [
      delivered('1 × 1080p25, one unary client: frames delivered', ours, peer, { least: 0.995 }),
      cpu('1 × 1080p25, one unary client: CPU', ours, peer, 0.9),
      {
        work: '1 × 1080p25, one unary client: glass to client, median',
        ours: ms(medianAge(ours)),
        peer: ms(medianAge(peer)),
        value: medianAge(ours) / medianAge(peer),
        bar: { most: 1 },
      },
    ];
  });
}

async function benchFourSmall(): Promise<Row[]> {
  return await withFarm(SD, 4, async (farm, names) => {
    const { ours, peer } = await compare(farm, names);
    return [
      delivered('4 × 640x480@25, one client each: frames delivered', ours, peer, { least: 1 }),
      cpu('4 × 640x480@25, one client each: CPU', ours, peer, 0.8),
    ];
  });
}

async function benchFourLarge(): Promise<Row[]> {
  return await withFarm(HD, 4, async (farm, names) => {
    const { ours, peer } = await compare(farm, names);
    const work = '4 × 1080p25, one client each:';
    const wrong = (served: Served): number =>
      sum(served, (client) => client.repeated + client.disordered + client.torn);
    return [
      {
        work: `${work} fps of the slowest camera`,
        ours: fps(slowest(ours)),
        peer: fps(slowest(peer)),
        value: slowest(ours),
        bar: { least: 23 },
      },
      {
        work: `${work} median age (ms) of the worst camera`,
        ours: ms(medianAge(ours)),
        peer: ms(medianAge(peer)),
        value: medianAge(ours),
        bar: { most: 100 },
      },
      {
        work: `${work} repeated, out of order or torn`,
        ours: String(wrong(ours)),
        peer: String(wrong(peer)),
        value: wrong(ours),
        bar: { most: 0 },
      },
      {
        work: `${work} CPU`,
        ours: cores(ours.cores),
        peer: cores(peer.cores),
        value: ours.cores / peer.cores,
        bar: {},
      },
      {
        work: `${work} memory (PSS, MB)`,
        ours: ours.pssMb.toFixed(0),
        peer: peer.pssMb.toFixed(0),
        value: ours.pssMb,
        bar: { most: 400 },
      },
    ];
  });
}

function delivered(work: string, ours: Served, peer: Served, bar: Row['bar']): Row {
  return { work, ours: percent(share(ours)), peer: percent(share(peer)), value: share(ours), bar };
}

function cpu(work: string, ours: Served, peer: Served, most: number): Row {
  return {
    work,
    ours: cores(ours.cores),
    peer: `${cores(peer.cores)} (PyAV + grpcio)`,
    value: ours.cores / peer.cores,
    bar: { most },
  };
}

function sum(served: Served, of: (client: ClientResult) => number): number {
  return served.clients.reduce((total, client) => total + of(client), 0);
}

function share(served: Served): number {
  const frames = sum(served, (client) => client.frames);
  return frames / (frames + sum(served, (client) => client.missed + client.torn));
}

/** Of the camera that fares worst. */
function medianAge(served: Served): number {
  return Math.max(...served.clients.map((client) => client.median_age_ms));
}

function slowest(served: Served): number {
  return Math.min(...served.clients.map((client) => client.frames)) / SECONDS;
}

const cores = (value: number): string => `${value.toFixed(3)} core`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const fps = (value: number): string => `${value.toFixed(1)} fps`;
const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;

const BENCHES: Readonly<Record<string, () => Promise<Row[]>>> = {
  idle: benchIdle,
  one: benchOne,
  'four-small': benchFourSmall,
  'four-large': benchFourLarge,
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES);
const rows: Row[] = [];
for (const name of chosen) {
  const bench = BENCHES[name];
  if (bench === undefined) throw new Error(`there is no bench "${name}"; there are ${Object.keys(BENCHES).join(', ')}`);
  process.stderr.write(`measuring ${name} …\n`);
  rows.push(...(await bench()));
}
printTable(rows);
process.stdout.write(`\nKept in ${keepJson(rows, SECONDS)}\n`);
process.exitCode = rows.every(meets) ? 0 : 1;
