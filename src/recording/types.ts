import type { Segment, SegmentLookup } from '../database/segment.js';

/** The recording of one camera. Counters start at 0 when the proxy starts. */
export interface RecordingStatus {
  /** Whether the camera is to be recorded, by its own setting or else by `buffer.on_disk`. */
  readonly wanted: boolean;
  /** 'waiting': there is no stream or no whole group yet. 'failing': the disk cannot be written. */
  readonly state: 'off' | 'waiting' | 'recording' | 'failing';
  /** A sentence for a person that says what to do; '' while all is well. */
  readonly message: string;
  readonly segments: number;
  readonly bytes: number;
  /** Groups of pictures that were lost because the disk was slow, full or not mounted. */
  readonly lostGroups: number;
  /** Start of the newest segment, in milliseconds since the epoch; 0 = none yet. */
  readonly lastSegmentMs: number;
}

export interface CheckReport {
  /** Segments of the index whose files are on the disk. */
  readonly good: number;
  /** Segment files that were not in the index and were added to it. */
  readonly added: number;
  /** Segments without a file, which were removed from the index. */
  readonly missing: number;
  /** Incomplete files that a crash left and that were removed. */
  readonly removed: number;
  /** The first 100 paths in the folder that do not belong to the proxy, relative to it. They are never changed. */
  readonly foreign: readonly string[];
  readonly foreignCount: number;
}

/** All recordings of one camera. */
export interface RecordedCamera extends Span {
  readonly camera: string;
  readonly segments: number;
  readonly bytes: number;
}

export interface SegmentPage {
  readonly segments: readonly Segment[];
  /** The `after` of the next page. Undefined: this is the last page. */
  readonly next: number | undefined;
}

/** Milliseconds since the epoch, `to` exclusive. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Timeline {
  /** Recorded intervals without a gap of more than two frames, oldest first. */
  readonly spans: readonly Span[];
  readonly segments: number;
  readonly bytes: number;
  readonly frames: number;
}

/** Queries about recordings, for routes and calls. Main thread. Errors are ChrysErrors. */
export interface Recordings extends SegmentLookup {
  status(camera: string): RecordingStatus;
  /** Whether there are recordings of that camera. The camera itself may have been removed. */
  has(camera: string): boolean;
  /** Oldest first. Milliseconds since the epoch, both inclusive. `after` is a `next`, or 0 for the first page. */
  page(camera: string, range: { fromMs: number; toMs: number; after: number; limit: number }): SegmentPage;
  get(camera: string, id: number): Segment | undefined;
  /** One entry for each camera with recordings, by name. */
  summary(): Promise<readonly RecordedCamera[]>;
  /** The recorded intervals of a range. Yields to other work, so it does not block for long. */
  timeline(camera: string, fromMs: number, toMs: number): Promise<Timeline>;
  /** Compares index and folder. A call during a check gets the report of that check. */
  check(): Promise<CheckReport>;
}
