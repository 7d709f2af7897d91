/**
 * Compares this checkout with an earlier commit. Both proxies run at the same time on the same cameras, so that a change of
 * the machine's speed affects both. Each round starts both anew, and the median of the rounds' ratios counts. The proxy that
 * connects last has more wake-ups and needs more CPU (24 % and 30 % more in two runs with the same code), so the two change
 * places each round.
 */
import type { Farm } from '../farm/farm.js';
import type { Proxy, ProxyOptions } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { cpuOfCall } from './annotations.js';
import { earlierCommit, median } from './before.js';
import { cores, HD, IDLE_SETTLE_MS, SD, SECONDS, WARM_UP_MS, withFarm, withProxy } from './harness.js';
import { coresOf } from './measure.js';
import { runClient } from './peers.js';
import type { Row } from './report.js';

/** An even number, so that each proxy connects first in half of the rounds. */
const ROUNDS = 6;
const BOUND_MS = 120_000;
const MAX_RATIO = 1.05;

interface Workload {
  readonly what: string;
  readonly clip: string;
  readonly cameras: number;
  readonly warmUpMs: number;
  readonly config?: Readonly<Record<string, unknown>>;
  /** The options of one client per camera. Undefined: there are no clients. */
  readonly client?: { readonly fields?: Readonly<Record<string, unknown>>; readonly step?: number };
}

const WORKLOADS = {
  idle: { what: '4 × 1080p25, no callers', clip: HD, cameras: 4, warmUpMs: IDLE_SETTLE_MS },
  fourSmall: { what: '4 × 640x480@25, one client each', clip: SD, cameras: 4, warmUpMs: WARM_UP_MS, client: {} },
  keyframes: {
    what: '8 × 1080p25, one keyframe caller each',
    clip: HD,
    cameras: 8,
    warmUpMs: WARM_UP_MS,
    client: { fields: { key_frame_only: true, wait_ms: 5000 }, step: 50 },
  },
  record: {
    what: '16 × 1080p25 recorded',
    clip: HD,
    cameras: 16,
    // The CPU of the recorder's thread doubles within the first minute after the start.
    warmUpMs: IDLE_SETTLE_MS,
    config: { buffer: { on_disk: true, on_disk_clean_older_than: '7d' } },
  },
} as const satisfies Readonly<Record<string, Workload>>;

export const benchIdleBefore = (): Promise<Row[]> => sideBySide(WORKLOADS.idle);
export const benchFourSmallBefore = (): Promise<Row[]> => sideBySide(WORKLOADS.fourSmall);
export const benchKeyframesBefore = (): Promise<Row[]> => sideBySide(WORKLOADS.keyframes);
export const benchRecordBefore = (): Promise<Row[]> => sideBySide(WORKLOADS.record);

async function sideBySide(workload: Workload): Promise<Row[]> {
  const earlier = earlierCommit();
  if (earlier === undefined) return [];
  return await withFarm(workload.clip, workload.cameras, async (farm, names) => {
    const rounds: Pair[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [first, last] = round % 2 === 0 ? [{}, earlier] : [earlier, {}];
      const used = await coresOfBoth(farm, names, workload, first, last);
      rounds.push(round % 2 === 0 ? { now: used.first, before: used.last } : { now: used.last, before: used.first });
    }
    return [row(`${workload.what}: CPU`, rounds, cores)];
  });
}

async function coresOfBoth(
  farm: Farm,
  names: readonly string[],
  workload: Workload,
  first: ProxyOptions,
  last: ProxyOptions,
): Promise<{ readonly first: number; readonly last: number }> {
  const config = workload.config && { config: workload.config };
  const run = async <T>(options: ProxyOptions, body: (proxy: Proxy) => Promise<T>): Promise<T> =>
    await withProxy(
      farm,
      names,
      async (proxy) => {
        for (const name of names) await proxy.cameraIsRunning(name, BOUND_MS);
        return await body(proxy);
      },
      { ...options, ...config },
    );
  return await run(first, (one) =>
    run(last, async (other) => {
      const used = await Promise.all([one, other].map((proxy) => coresUsed(farm, names, workload, proxy)));
      return { first: used[0] ?? NaN, last: used[1] ?? NaN };
    }),
  );
}

async function coresUsed(farm: Farm, names: readonly string[], workload: Workload, proxy: Proxy): Promise<number> {
  const seconds = SECONDS / ROUNDS;
  const { client } = workload;
  const clients = client && names.map((name) => runClient(farm, proxy.grpcAddress, name, { seconds, ...client }));
  await pause(workload.warmUpMs);
  const used = await coresOf([proxy.pid], seconds);
  await Promise.all(clients ?? []);
  return used;
}

interface Pair {
  readonly now: number;
  readonly before: number;
}

function row(work: string, rounds: readonly Pair[], text: (value: number) => string): Row {
  return {
    work: `${work}, against an earlier commit`,
    ours: text(median(rounds.map(({ now }) => now))),
    peer: text(median(rounds.map(({ before }) => before))),
    value: median(rounds.map(({ now, before }) => now / before)),
    bar: { max: MAX_RATIO },
  };
}

/** CPU of an annotation. One proxy works at a time, because each takes all the calls that it can get. */
export async function benchAnnotateBefore(): Promise<Row[]> {
  const earlier = earlierCommit();
  if (earlier === undefined) return [];
  const rounds: Pair[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({ now: await cpuOfCall({}), before: await cpuOfCall(earlier) });
  }
  return [row('Annotate, 16 clients: CPU of a call', rounds, (value) => `${value.toFixed(3)} ms`)];
}
