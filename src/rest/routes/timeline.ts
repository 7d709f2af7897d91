import { memorySpanOf } from '../../cameras/status/buffer-extent.js';
import type { Recordings, Span } from '../../recording/types.js';
import type { TimeRange } from '../route-table/parameters.js';
import type { TimelineAnswer } from '../route-table/recordings.js';
import type { RecordedCamera } from './recorded-camera.js';

/** Which parts of a range are recorded, and which are not. */
export async function timelineOf(
  range: TimeRange,
  { name, camera }: RecordedCamera,
  recordings: Pick<Recordings, 'timeline'>,
): Promise<TimelineAnswer> {
  const { spans, segments, bytes, frames } = await recordings.timeline(name, range.fromMs, range.toMs);
  const within = spans.map((span) => clipped(span, range));
  const memory = camera && memorySpanOf(camera.packets);
  return {
    spans: within.map(answerOf),
    gaps: within.slice(1).map((span, index) => ({ from: within[index]?.toMs ?? span.fromMs, to: span.fromMs })),
    memory: memory === undefined ? null : answerOf(memory),
    segments,
    bytes,
    frames,
  };
}

/** The part of a span that lies in a range. */
export function clipped({ fromMs, toMs }: Span, range: TimeRange): Span {
  return { fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) };
}

function answerOf({ fromMs, toMs }: Span) {
  return { from: fromMs, to: toMs };
}
