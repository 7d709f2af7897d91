import type { HistoryFrames } from '../../history/history-frames.js';
import type { ClipQuery, HistoryQuery } from '../../history/queries.js';

/** Delivers frames, or chunks of a file, in their order. The caller that opened it closes it. */
export type HistoryReader = Pick<HistoryFrames, 'next' | 'close'>;

/** The history of all cameras, from memory and disk. Both functions throw resource_exhausted when too many readers are open. */
export interface HistorySource {
  /** The chunks of one mp4 file; no chunk at all when there is nothing in the range. */
  openClip(query: ClipQuery): HistoryReader;
  /** Finished VideoFrame messages. */
  open(query: HistoryQuery): HistoryReader;
}
