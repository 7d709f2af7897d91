import { setImmediate as otherWork } from 'node:timers/promises';

import type { SegmentIndex, SpanRow, StartRange } from '../database/segment-index.js';
import type { Timeline } from './types.js';

/** Number of segments that one query reads, in about 2 ms. */
const PAGE = 1000;
/** Maximum network delay between two segments of one connection. A longer time is a gap. */
const JITTER_US = 2_000_000;

/**
 * The recorded intervals of a range. A camera has up to 43 200 segments a day, so the index is read page by page and other
 * work is done in between.
 */
export async function timelineOf(
  index: Pick<SegmentIndex, 'spans'>,
  camera: string,
  range: Pick<StartRange, 'fromUs' | 'toUs'>,
): Promise<Timeline> {
  const spans: { fromUs: number; toUs: number }[] = [];
  const sum = { segments: 0, bytes: 0, frames: 0 };
  let last: SpanRow | undefined;
  for (;;) {
    const page = index.spans(camera, { ...range, afterUs: last?.startUs ?? 0, limit: PAGE });
    for (const row of page) {
      const open = spans.at(-1);
      const toUs = row.startUs + row.durationUs;
      if (open !== undefined && last !== undefined && !isGap(last, row)) open.toUs = Math.max(open.toUs, toUs);
      else spans.push({ fromUs: row.startUs, toUs });
      sum.segments += 1;
      sum.bytes += row.bytes;
      sum.frames += row.frames;
      last = row;
    }
    if (page.length < PAGE) break;
    await otherWork();
  }
  return {
    ...sum,
    spans: spans.map(({ fromUs, toUs }) => ({ fromMs: Math.floor(fromUs / 1000), toMs: Math.ceil(toUs / 1000) })),
  };
}

/** A gap is longer than two frames. */
function isGap(before: SpanRow, after: SpanRow): boolean {
  const gapUs = after.startUs - (before.startUs + before.durationUs);
  const frameUs = before.durationUs / Math.max(1, before.frames);
  const isNext = after.connection === before.connection && after.firstSequence === before.endSequence;
  return gapUs > Math.max(2 * frameUs, isNext ? JITTER_US : 0);
}
