import { setImmediate as otherWork } from 'node:timers/promises';

import { rangeInUs } from '../../base/microseconds.js';
import type { HistorySegment, ReplayOptions } from '../../native/types.js';
import type { SegmentLookup } from '../../database/segment.js';
import type { ReplayRange } from './replay-url.js';

/** Segments in one database query. */
const PAGE_SIZE = 500;
/** A replay delivers packets: its output format is not used. */
const UNUSED_FORMAT = { format: 0, width: 0, height: 0, quality: 0, enlarge: false };

/** The segments of a range. Yields to other work between pages: a day has tens of thousands of segments. */
export async function replayOptionsOf(range: ReplayRange, lookup: SegmentLookup | undefined): Promise<ReplayOptions> {
  const { fromUs, toUs } = rangeInUs(range.fromMs, range.toMs);
  const segments: HistorySegment[] = [];
  for (let afterSequence = 0; lookup !== undefined;) {
    const found = lookup.inRange(range.camera, { fromUs, toUs, afterSequence, limit: PAGE_SIZE });
    for (const segment of found) {
      const { firstSequence, endSequence } = segment;
      segments.push({ path: lookup.pathOf(segment), firstSequence, endSequence, outputFormat: UNUSED_FORMAT });
    }
    const last = found.at(-1);
    if (last === undefined || found.length < PAGE_SIZE) break;
    afterSequence = last.endSequence - 1;
    await otherWork();
  }
  return { segments, fromUs, toUs, speed: range.speed, loop: range.loop };
}
