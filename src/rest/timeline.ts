import type { Request, Response } from 'express';
import type { Camera } from '../cameras/types.js';
import type { Recordings, Span } from '../recording/types.js';
import { PacketReader } from '../rings/packet-reader.js';
import { timeRange, type TimeRange } from './query.js';
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
  const memory = memoryOf(camera);
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

/** What `clip.mp4` and gRPC can take from memory, whatever is recorded; undefined: nothing. */
export function memoryOf(camera: Camera | undefined): Span | undefined {
  const ring = camera?.packets.ring;
  if (ring === undefined) return undefined;
  const reader = new PacketReader(ring);
  const [oldest] = reader.decodable();
  const newest = reader.read(reader.end() - 1);
  if (oldest === undefined || newest === undefined) return undefined;
  return { fromMs: Math.floor(oldest.arrivalUs / 1000), toMs: Math.floor(newest.arrivalUs / 1000) };
}

/** The part of a span that lies in a range. */
export function clipped({ fromMs, toMs }: Span, range: TimeRange): Span {
  return { fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) };
}

function answerOf({ fromMs, toMs }: Span): { readonly from: number; readonly to: number } {
  return { from: fromMs, to: toMs };
}
