import type { SegmentFacts } from '../native/types.js';

/** One recorded file, as the index describes it. */
export interface Segment extends SegmentFacts {
  readonly id: number;
  readonly camera: string;
  /** File name in the camera's folder: `<start ms>_<duration ms>.mp4`. */
  readonly file: string;
}

export interface SegmentRange {
  /** Microseconds since the epoch, inclusive. A segment is in the range when one of its frames is. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Only segments with packets after this sequence; 0 = all. */
  readonly afterSequence: number;
  readonly limit: number;
}

/** Finds segments. Every call uses an index and takes well under a millisecond for a small limit. */
export interface SegmentLookup {
  /** Oldest first. */
  inRange(camera: string, range: SegmentRange): readonly Segment[];
  /** The segment with the frame, or keyframe, nearest to `momentUs`, microseconds since the epoch. */
  nearest(camera: string, momentUs: number, keyframesOnly: boolean): Segment | undefined;
  /** Absolute path of the segment's file. */
  pathOf(segment: Segment): string;
}
