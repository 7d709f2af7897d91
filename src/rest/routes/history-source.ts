import type { HistoryFrames } from '../../history/history-frames.js';
import type { ClipQuery, HistoryQuery } from '../../history/queries.js';

/** Frames, or chunks of a file, in their order; whoever opened it closes it. */
export type Past = Pick<HistoryFrames, 'next' | 'close'>;

/** The past, from memory and disk. Both throw resource_exhausted when too many are open. */
export interface HistorySource {
  /** The chunks of one mp4 file; none: there is nothing in the range. */
  openClip(query: ClipQuery): Past;
  /** Finished VideoFrame messages. */
  open(query: HistoryQuery): Past;
}
