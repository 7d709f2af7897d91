import { setImmediate as otherWork } from 'node:timers/promises';
import type { SegmentLookup } from '../../database/segment.js';
import { PacketReader } from '../../rings/packet-reader.js';

/** Consecutive packets without a gap. */
export interface CoverageInterval {
  /** Arrival of the first and the last packet, microseconds since the epoch. */
  readonly fromUs: number;
  readonly toUs: number;
  /** The first sequence, and the one after the last. */
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly connection: number;
}

/** Microseconds since the epoch, inclusive. */
export interface UsRange {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Which part of a range has packets. */
export interface Coverage {
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether there are gaps between `fromMs` and `toMs`. */
  readonly hasGaps: boolean;
}

const SEGMENT_LIMIT = 200;
/** Number of packets that are read before other work of the thread runs. */
const PACKETS_PER_TURN = 2000;

/** The intervals of a range that a camera's recording and packet ring have. */
export async function coverageIntervals(
  camera: string,
  range: UsRange,
  ring: SharedArrayBuffer | undefined,
  disk: Pick<SegmentLookup, 'inRange'>,
): Promise<CoverageInterval[]> {
  const intervals: CoverageInterval[] = [];
  for (let afterSequence = 0; ;) {
    const found = disk.inRange(camera, { ...range, afterSequence, limit: SEGMENT_LIMIT });
    intervals.push(...found.map(({ startUs, lastUs, ...segment }) => ({ ...segment, fromUs: startUs, toUs: lastUs })));
    const last = found.at(-1);
    if (last === undefined || found.length < SEGMENT_LIMIT) break;
    afterSequence = last.endSequence - 1;
    await otherWork();
  }
  return ring === undefined ? intervals : [...intervals, ...(await inMemory(ring, range))];
}

/**
 * The part of a range that the intervals cover; undefined: there are no intervals. Missing sequences are a gap, and so is a
 * pause of more than `gapMs` between two connections.
 */
export function coverageOf(
  intervals: readonly CoverageInterval[],
  range: UsRange,
  gapMs: number,
): Coverage | undefined {
  const [first, ...others] = [...intervals].sort((one, other) => one.firstSequence - other.firstSequence);
  if (first === undefined) return undefined;
  let { toUs, endSequence, connection } = first;
  let hasGaps = false;
  for (const interval of others) {
    if (interval.endSequence <= endSequence) continue;
    const isPause = interval.connection !== connection && interval.fromUs - toUs > gapMs * 1000;
    if (isPause || interval.firstSequence > endSequence) hasGaps = true;
    ({ endSequence, connection } = interval);
    toUs = Math.max(toUs, interval.toUs);
  }
  return {
    fromMs: Math.floor(Math.max(first.fromUs, range.fromUs) / 1000),
    toMs: Math.floor(Math.min(toUs, range.toUs) / 1000),
    hasGaps,
  };
}

async function inMemory(ring: SharedArrayBuffer, range: UsRange): Promise<CoverageInterval[]> {
  const intervals: CoverageInterval[] = [];
  let count = 0;
  for (const { sequence, connection, arrivalUs } of new PacketReader(ring).decodable({ ...range, after: -1 })) {
    const open = intervals.at(-1);
    if (open?.connection === connection && open.endSequence === sequence) {
      intervals[intervals.length - 1] = { ...open, toUs: Math.max(open.toUs, arrivalUs), endSequence: sequence + 1 };
    } else {
      const span = { fromUs: arrivalUs, toUs: arrivalUs };
      intervals.push({ ...span, firstSequence: sequence, endSequence: sequence + 1, connection });
    }
    if (++count % PACKETS_PER_TURN === 0) await otherWork();
  }
  return intervals;
}
