import type { Request, Response } from 'express';
import type { Recordings } from '../../recording/types.js';
import type { Segment } from '../../database/segment.js';
import { timeRange, wholeNumber } from '../http/query.js';

const DEFAULT_LIMIT = 1000;
/** A page holds the main thread for a few milliseconds. */
const MAX_LIMIT = 1000;

/**
 * Sends what is recorded of a camera, oldest first: `?from=&to=` in milliseconds since the epoch, `?limit=` segments, and
 * `next`, which is given back as `?after=` for those that follow. Throws invalid_argument.
 */
export function sendSegmentList(req: Request, res: Response, name: string, recordings: Pick<Recordings, 'page'>): void {
  const range = timeRange(req.query);
  const after = wholeNumber(req.query, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const limit = wholeNumber(req.query, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT;
  const { segments, next } = recordings.page(name, { ...range, after, limit });
  res.json({ segments: segments.map(listed), next: next ?? null });
}

/** Times are milliseconds since the epoch. */
function listed(segment: Segment) {
  const start = Math.floor(segment.startUs / 1000);
  const durationMs = Math.round(segment.durationUs / 1000);
  return {
    id: segment.id,
    file: segment.file,
    start,
    end: start + durationMs,
    duration_ms: durationMs,
    bytes: segment.bytes,
    frames: segment.frames,
    first_frame_id: segment.firstSequence,
    last_frame_id: segment.endSequence - 1,
    keyframes: segment.keyframesUs.map((us) => Math.floor(us / 1000)),
    codec: segment.codecName,
    width: segment.width,
    height: segment.height,
    audio: segment.audio,
  };
}

export type ListedSegment = ReturnType<typeof listed>;
