import type { Segment, SegmentLookup } from '../database/segment.js';

/** How the recording of one camera is doing. Counters since the proxy started. */
export interface RecordingStatus {
  /** Whether it shall be recorded: its own wish, or else `buffer.on_disk`. */
  readonly wanted: boolean;
  /** 'off', 'waiting' (no stream yet, or no whole group yet), 'recording', or 'failing' (the disk takes nothing). */
  readonly state: 'off' | 'waiting' | 'recording' | 'failing';
  /** A sentence for a person, with what to do; '' while all is well. */
  readonly message: string;
  readonly segments: number;
  readonly bytes: number;
  /** Groups of pictures that were lost because the disk was slow, full or away. */
  readonly lostGroups: number;
  /** Milliseconds since the epoch, 0 = none yet. */
  readonly lastSegmentMs: number;
}

export interface CheckReport {
  /** Segments in the index that are on the disk. */
  readonly good: number;
  /** Files of ours that were not in the index, and now are. */
  readonly added: number;
  /** In the index, but gone from the disk; taken out of the index. */
  readonly missing: number;
  /** Leftovers of a crash that were removed. */
  readonly removed: number;
  /** Files in the folder that are not ours, relative to it, the first 100; they are never touched. */
  readonly foreign: readonly string[];
  readonly foreignCount: number;
}

/** What is recorded of one camera. */
export interface RecordedCamera extends Span {
  readonly camera: string;
  readonly segments: number;
  readonly bytes: number;
}

export interface SegmentPage {
  readonly segments: readonly Segment[];
  /** For `after` of the next page; undefined: there are no more. */
  readonly next: number | undefined;
}

/** Milliseconds since the epoch, `to` exclusive. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Timeline {
  /** Recorded without a hole that matters (longer than a frame or two), oldest first. */
  readonly spans: readonly Span[];
  readonly segments: number;
  readonly bytes: number;
  readonly frames: number;
}

/** What is recorded, as the routes see it. Main thread. Errors are ChrysErrors. */
export interface Recordings extends SegmentLookup {
  status(camera: string): RecordingStatus;
  /** Whether anything of that camera is recorded; also of one that was removed. */
  has(camera: string): boolean;
  /** Oldest first; milliseconds since the epoch, inclusive. `after` is a `next`, 0 = from the beginning. */
  page(camera: string, range: { fromMs: number; toMs: number; after: number; limit: number }): SegmentPage;
  get(camera: string, id: number): Segment | undefined;
  /** One entry for each camera of which anything is recorded, by name. */
  summary(): Promise<readonly RecordedCamera[]>;
  /** Does not block for long: it yields to other work in between. */
  timeline(camera: string, fromMs: number, toMs: number): Promise<Timeline>;
  /** Compares index and folder. One at a time. */
  check(): Promise<CheckReport>;
}
