import type { LearnedFacts } from '../../native/types.js';
import type { CameraDefinition } from '../types.js';

/** Time for the deadlines that the worker has by itself, such as 5 s for the host name. */
const MARGIN_MS = 10_000;
/** Slow cameras send their first picture this late; the capture loop has the exact limit. */
const FIRST_PICTURE_MS = 30_000;
/** A stall is at least this many usual gaps between two pictures. */
const STALL_GAPS = 3;

/** A worker that has no stream after this time does not answer: it is stopped. Milliseconds. */
export function openDeadlineMs(
  { openTimeoutMs, stallTimeoutMs }: Pick<CameraDefinition, 'openTimeoutMs' | 'stallTimeoutMs'>,
  learned: LearnedFacts | undefined,
): number {
  const gapMs = STALL_GAPS * (learned?.usualGapMs ?? 0);
  return openTimeoutMs + Math.max(stallTimeoutMs, gapMs, FIRST_PICTURE_MS) + MARGIN_MS;
}
