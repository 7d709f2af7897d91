import type { SegmentFacts } from '../native/types.js';

/** One recorded file, as the index knows it. */
export interface Segment extends SegmentFacts {
  readonly id: number;
  readonly camera: string;
  /** Of the file in the camera's folder: `<start ms>_<duration ms>.mp4`. */
  readonly file: string;
}

export interface SegmentRange {
  /** Microseconds since the epoch, inclusive: segments with a frame between them. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Only segments with packets after this sequence; 0 = all. */
  readonly afterSequence: number;
  readonly limit: number;
}

/** How the past on disk is looked up. Every call answers from an index in well under a millisecond for a small limit. */
export interface SegmentLookup {
  /** Oldest first. */
  inRange(camera: string, range: SegmentRange): readonly Segment[];
  /** The one with the frame (of all, or of the keyframes) nearest to the moment, microseconds since the epoch. */
  nearest(camera: string, momentUs: number, keyframesOnly: boolean): Segment | undefined;
  /** Absolute path of its file. */
  pathOf(segment: Segment): string;
}
