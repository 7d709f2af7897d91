import { setImmediate as otherWork } from 'node:timers/promises';
import { PacketReader } from '../../rings/packet-reader.js';
import type { SegmentLookup } from '../../database/segment.js';

/** Packets that follow each other without a gap. Microseconds since the epoch, arrivals of the first and the last. */
export interface CoverageInterval {
  readonly fromUs: number;
  readonly toUs: number;
  /** One past the last in `endSequence`. */
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly connection: number;
}

/** Microseconds since the epoch, inclusive. */
export interface UsRange {
  readonly fromUs: number;
  readonly toUs: number;
}

export interface Coverage {
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Something within it is missing. */
  readonly holes: boolean;
}

const SEGMENTS_AT_ONCE = 200;
const PACKETS_AT_ONCE = 2000;

/** What of a camera's past lies in a range on disk and in memory. Yields to other work in between. */
export async function coverageIntervals(
  camera: string,
  range: UsRange,
  ring: SharedArrayBuffer | undefined,
  disk: Pick<SegmentLookup, 'inRange'>,
): Promise<CoverageInterval[]> {
  const stretches: CoverageInterval[] = [];
  for (let afterSequence = 0; ;) {
    const found = disk.inRange(camera, { ...range, afterSequence, limit: SEGMENTS_AT_ONCE });
    stretches.push(...found.map(({ startUs, lastUs, ...segment }) => ({ ...segment, fromUs: startUs, toUs: lastUs })));
    const last = found.at(-1);
    if (last === undefined || found.length < SEGMENTS_AT_ONCE) break;
    afterSequence = last.endSequence - 1;
    await otherWork();
  }
  return ring === undefined ? stretches : [...stretches, ...(await inMemory(ring, range))];
}

/** Which part of a range these cover; undefined: none of it. Between two connections, `gapMs` is no hole. */
export function coverageOf(
  stretches: readonly CoverageInterval[],
  range: UsRange,
  gapMs: number,
): Coverage | undefined {
  const [first, ...others] = [...stretches].sort((one, other) => one.firstSequence - other.firstSequence);
  if (first === undefined) return undefined;
  let { toUs, endSequence, connection } = first;
  let holes = false;
  for (const stretch of others) {
    if (stretch.endSequence <= endSequence) continue;
    const isNew = stretch.connection !== connection && stretch.fromUs - toUs > gapMs * 1000;
    if (isNew || stretch.firstSequence > endSequence) holes = true;
    ({ endSequence, connection } = stretch);
    toUs = Math.max(toUs, stretch.toUs);
  }
  return {
    fromMs: Math.floor(Math.max(first.fromUs, range.fromUs) / 1000),
    toMs: Math.floor(Math.min(toUs, range.toUs) / 1000),
    holes,
  };
}

async function inMemory(ring: SharedArrayBuffer, range: UsRange): Promise<CoverageInterval[]> {
  const stretches: CoverageInterval[] = [];
  let count = 0;
  for (const { sequence, connection, arrivalUs } of new PacketReader(ring).decodable({ ...range, after: -1 })) {
    const open = stretches.at(-1);
    if (open?.connection === connection && open.endSequence === sequence) {
      stretches[stretches.length - 1] = { ...open, toUs: Math.max(open.toUs, arrivalUs), endSequence: sequence + 1 };
    } else {
      const span = { fromUs: arrivalUs, toUs: arrivalUs };
      stretches.push({ ...span, firstSequence: sequence, endSequence: sequence + 1, connection });
    }
    if (++count % PACKETS_AT_ONCE === 0) await otherWork();
  }
  return stretches;
}
