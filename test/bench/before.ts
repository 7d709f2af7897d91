/**
 * The proxy of this checkout against that of an earlier commit, with the same cameras in the same run. BENCH_BEFORE is a
 * built checkout of that commit. Without it, these works are left out.
 */
import { join, resolve } from 'node:path';
import type { Farm } from '../farm/farm.js';
import type { ProxyOptions } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { cores, HD, medianAge, ms, SECONDS, serve, IDLE_SETTLE_MS, withFarm, withProxy } from './harness.js';
import { coresOf, pssMegabytes } from './measure.js';
import type { Row } from './report.js';

const SMALL = 'h264-640x480-15-g30';
const MANY = 64;
const MANY_ROUNDS = 2;
const ONE_ROUNDS = 5;
const RUNNING_BOUND_MS = 60_000;
const NOW: ProxyOptions = {};

interface Used {
  readonly cores: number;
  readonly other: number;
}

/** Undefined: BENCH_BEFORE is not set. */
export function earlierCommit(): ProxyOptions | undefined {
  const folder = process.env['BENCH_BEFORE'];
  if (folder !== undefined && folder !== '') return { executable: join(resolve(folder), 'bin/chrysproxy.js') };
  process.stderr.write('Left out: set BENCH_BEFORE to the folder of a built checkout of an earlier commit\n');
  return undefined;
}

/** Medians. Measures both alternately, so that a change of the machine's speed affects both. */
async function alternate(
  rounds: number,
  then: ProxyOptions,
  use: (options: ProxyOptions) => Promise<Used>,
): Promise<{ readonly now: Used; readonly then: Used }> {
  const runs: { now: Used[]; then: Used[] } = { now: [], then: [] };
  for (let round = 0; round < rounds; round += 1) {
    runs.now.push(await use(NOW));
    runs.then.push(await use(then));
  }
  return { now: middle(runs.now), then: middle(runs.then) };
}

export async function benchIdleMany(): Promise<Row[]> {
  const then = earlierCommit();
  if (then === undefined) return [];
  return await withFarm(SMALL, MANY, async (farm, names) => {
    const idle = (options: ProxyOptions): Promise<Used> =>
      withProxy(farm, names, (proxy) => measureIdle(proxy, names), options);
    const used = await alternate(MANY_ROUNDS, then, idle);
    const work = `${MANY} × 640x480@15, nobody asking:`;
    return [
      row(`${work} CPU`, used.now.cores, used.then.cores, cores, 0.75),
      row(`${work} memory (PSS)`, used.now.other, used.then.other, (value) => `${value.toFixed(0)} MB`, 0.95),
    ];
  });
}

async function measureIdle(
  proxy: { readonly pid: number; cameraIsRunning(name: string, boundMs: number): Promise<void> },
  names: readonly string[],
): Promise<Used> {
  for (const name of names) await proxy.cameraIsRunning(name, RUNNING_BOUND_MS);
  await pause(IDLE_SETTLE_MS);
  const used = await coresOf([proxy.pid], SECONDS / MANY_ROUNDS);
  return { cores: used, other: pssMegabytes(proxy.pid) };
}

export async function benchOneBefore(): Promise<Row[]> {
  const then = earlierCommit();
  if (then === undefined) return [];
  return await withFarm(HD, 1, async (farm, names) => {
    const used = await alternate(ONE_ROUNDS, then, (options) => serveOne(farm, names, options));
    const work = '1 × 1080p25, one unary client, against before:';
    return [
      row(`${work} glass to client, median`, used.now.other, used.then.other, ms, 1.05),
      row(`${work} CPU`, used.now.cores, used.then.cores, cores, 1.05),
    ];
  });
}

async function serveOne(farm: Farm, names: readonly string[], options: ProxyOptions): Promise<Used> {
  const seconds = SECONDS / ONE_ROUNDS;
  const served = await withProxy(
    farm,
    names,
    (proxy) => serve(farm, names, proxy.grpcAddress, proxy.pid, { seconds }),
    options,
  );
  return { cores: served.cores, other: medianAge(served) };
}

function row(work: string, now: number, then: number, text: (value: number) => string, max: number): Row {
  return { work, ours: text(now), peer: `${text(then)} (before)`, value: now / then, bar: { max } };
}

function middle(runs: readonly Used[]): Used {
  return { cores: median(runs.map((run) => run.cores)), other: median(runs.map((run) => run.other)) };
}

/** The median; with an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}
