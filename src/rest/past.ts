import type { PacketBuffer } from '../cameras/types.js';
import type { HistoryQuery } from '../history/history.js';
import type { PastFrames } from '../history/past-frames.js';

/** Frames, or chunks of a file, in their order; whoever opened it closes it. */
export type Past = Pick<PastFrames, 'next' | 'close'>;

/** A camera that was removed has no packets any more. */
export interface PastCamera {
  readonly camera: string;
  readonly packets: PacketBuffer | undefined;
}

export interface ClipQuery extends PastCamera {
  /** Microseconds since the epoch, inclusive. */
  readonly fromUs: number;
  readonly toUs: number;
}

export type PastFrameQuery = Omit<HistoryQuery, 'camera'> & PastCamera;

/** The past, from memory and disk. Both throw resource_exhausted when too many are open. */
export interface PastSource {
  /** The chunks of one mp4 file; none: there is nothing in the range. */
  openClip(query: ClipQuery): Past;
  /** Finished VideoFrame messages. */
  open(query: PastFrameQuery): Past;
}
