import { setImmediate as otherWork } from 'node:timers/promises';

import type { HistorySegment, ReplayOptions } from '../../native/types.js';
import type { SegmentLookup } from '../../database/segment.js';
import type { ReplayRange } from './replay-url.js';

const AT_A_TIME = 500;
/** A replay delivers packets, and whoever takes them decides how their pictures look. */
const NO_LOOK = { format: 0, width: 0, height: 0, quality: 0, enlarge: false };

/** Everything that is recorded of a range. Yields to other work in between: a day has tens of thousands of segments. */
export async function replayOptionsOf(range: ReplayRange, lookup: SegmentLookup | undefined): Promise<ReplayOptions> {
  const fromUs = range.fromMs * 1000;
  const toUs = range.toMs * 1000 + 999;
  const segments: HistorySegment[] = [];
  for (let afterSequence = 0; lookup !== undefined;) {
    const found = lookup.inRange(range.camera, { fromUs, toUs, afterSequence, limit: AT_A_TIME });
    for (const segment of found) {
      const { firstSequence, endSequence } = segment;
      segments.push({ path: lookup.pathOf(segment), firstSequence, endSequence, look: NO_LOOK });
    }
    const last = found.at(-1);
    if (last === undefined || found.length < AT_A_TIME) break;
    afterSequence = last.endSequence - 1;
    await otherWork();
  }
  return { segments, fromUs, toUs, speed: range.speed, loop: range.loop };
}
