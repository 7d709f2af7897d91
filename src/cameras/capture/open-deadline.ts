import type { LearnedFacts } from '../../native/types.js';
import type { CameraDefinition } from '../types.js';

/** Time for what the worker does besides opening, such as up to 5 s for the host name. */
const MARGIN_MS = 10_000;
/** A slow camera may send its first picture this late. The capture loop applies the exact limit. */
const FIRST_PICTURE_MS = 30_000;
/** A stall is at least this many usual gaps between two pictures. */
const STALL_GAPS = 3;

/** Time after which a worker without a stream is stopped, milliseconds: it hangs. */
export function openDeadlineMs(
  { openTimeoutMs, stallTimeoutMs }: Pick<CameraDefinition, 'openTimeoutMs' | 'stallTimeoutMs'>,
  learned: LearnedFacts | undefined,
): number {
  const gapMs = STALL_GAPS * (learned?.usualGapMs ?? 0);
  return openTimeoutMs + Math.max(stallTimeoutMs, gapMs, FIRST_PICTURE_MS) + MARGIN_MS;
}
