/**
 * The proxy of this checkout and that of an earlier commit at the same time, on the same cameras. Each of the five rounds
 * starts both, so that a change of the machine's speed affects both, and the median of the rounds' ratios counts.
 */
import type { Farm } from '../farm/farm.js';
import type { ProxyOptions } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { cpuOfCall } from './annotations.js';
import { earlierCommit, median } from './before.js';
import { cores, HD, IDLE_SETTLE_MS, SD, SECONDS, SETTLE_MS, WARM_UP_MS, withFarm, withProxy } from './harness.js';
import { coresOf } from './measure.js';
import { runClient } from './peers.js';
import type { Row } from './report.js';

const ROUNDS = 5;
const BOUND_MS = 120_000;
const MAX_RATIO = 1.05;

interface Work {
  readonly what: string;
  readonly clip: string;
  readonly cameras: number;
  readonly warmUpMs: number;
  readonly config?: Readonly<Record<string, unknown>>;
  /** The options of one client per camera. Undefined: there are no clients. */
  readonly client?: { readonly terms?: Readonly<Record<string, unknown>>; readonly step?: number };
}

const WORKS = {
  idle: { what: '4 × 1080p25, nobody asking', clip: HD, cameras: 4, warmUpMs: IDLE_SETTLE_MS },
  fourSmall: { what: '4 × 640x480@25, one client each', clip: SD, cameras: 4, warmUpMs: WARM_UP_MS, client: {} },
  keyframes: {
    what: '8 × 1080p25, one keyframe caller each',
    clip: HD,
    cameras: 8,
    warmUpMs: WARM_UP_MS,
    client: { terms: { key_frame_only: true, wait_ms: 5000 }, step: 50 },
  },
  record: {
    what: '16 × 1080p25 recorded',
    clip: HD,
    cameras: 16,
    warmUpMs: SETTLE_MS,
    config: { buffer: { on_disk: true, on_disk_clean_older_than: '7d' } },
  },
} as const satisfies Readonly<Record<string, Work>>;

export const benchIdleBefore = (): Promise<Row[]> => sideBySide(WORKS.idle);
export const benchFourSmallBefore = (): Promise<Row[]> => sideBySide(WORKS.fourSmall);
export const benchKeyframesBefore = (): Promise<Row[]> => sideBySide(WORKS.keyframes);
export const benchRecordBefore = (): Promise<Row[]> => sideBySide(WORKS.record);

async function sideBySide(work: Work): Promise<Row[]> {
  const earlier = earlierCommit();
  if (earlier === undefined) return [];
  return await withFarm(work.clip, work.cameras, async (farm, names) => {
    const rounds: Pair[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [now, before] = await Promise.all([
        coresUsed(farm, names, work, {}),
        coresUsed(farm, names, work, earlier),
      ]);
      rounds.push({ now, before });
    }
    return [row(`${work.what}: CPU`, rounds, cores)];
  });
}

async function coresUsed(farm: Farm, names: readonly string[], work: Work, options: ProxyOptions): Promise<number> {
  const seconds = SECONDS / ROUNDS;
  return await withProxy(
    farm,
    names,
    async (proxy) => {
      for (const name of names) await proxy.cameraIsRunning(name, BOUND_MS);
      const { client } = work;
      const clients = client && names.map((name) => runClient(farm, proxy.grpcAddress, name, { seconds, ...client }));
      await pause(work.warmUpMs);
      const used = await coresOf([proxy.pid], seconds);
      await Promise.all(clients ?? []);
      return used;
    },
    { ...options, ...(work.config && { config: work.config }) },
  );
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
