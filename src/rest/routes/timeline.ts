import type { Request, Response } from 'express';
import { memorySpanOf } from '../../cameras/status/buffer-extent.js';
import type { Recordings, Span } from '../../recording/types.js';
import { timeRange, type TimeRange } from '../http/query.js';
import type { RecordedCamera } from './recorded-camera.js';

/** Sends where there is something of a camera and where not: `?from=&to=` in milliseconds since the epoch. */
export async function sendTimeline(
  req: Request,
  res: Response,
  recorded: RecordedCamera,
  recordings: Pick<Recordings, 'timeline'>,
): Promise<void> {
  res.json(await timelineOf(timeRange(req.query), recorded, recordings));
}

async function timelineOf(
  range: TimeRange,
  { name, camera }: RecordedCamera,
  recordings: Pick<Recordings, 'timeline'>,
) {
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

export type TimelineAnswer = Awaited<ReturnType<typeof timelineOf>>;

/** The part of a span that lies in a range. */
export function clipped({ fromMs, toMs }: Span, range: TimeRange): Span {
  return { fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) };
}

function answerOf({ fromMs, toMs }: Span): { readonly from: number; readonly to: number } {
  return { from: fromMs, to: toMs };
}
