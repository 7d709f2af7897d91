/** pending: it is still to be made. removed: it was made, and is not kept any more. */
export type EvidenceState = 'pending' | 'ready' | 'failed' | 'removed';

/** What is to be kept of a camera beside an annotation. Milliseconds since the epoch, by the clock of the arrivals. */
export interface EvidenceWish {
  readonly camera: string;
  /** Both inclusive; they are the same when no clip is wanted. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly clip: boolean;
  readonly snapshot: boolean;
  /** Moment of the snapshot. */
  readonly atMs: number;
  /** The frame of the snapshot; 0 = the one nearest to its moment. */
  readonly frameId: number;
}

/** The picture that was kept. */
export interface KeptSnapshot {
  /** 0 = there is none. */
  readonly jpegBytes: number;
  /** VideoFrame.frame_id and timestamp of what it shows. */
  readonly jpegFrameId: number;
  readonly jpegMs: number;
}

/** What came of it. */
export interface MadeEvidence extends KeptSnapshot {
  /** What is missing and why, as a sentence; '' = all is there. */
  readonly reason: string;
  /** 0 = there is no clip. */
  readonly clipBytes: number;
  /** What the clip covers, to within a frame, milliseconds since the epoch; 0 without one. */
  readonly clipFromMs: number;
  readonly clipToMs: number;
}

/** Of one annotation. */
export interface Evidence extends EvidenceWish, MadeEvidence {
  readonly state: EvidenceState;
}

/** Evidence that is still to be made. */
export interface PendingEvidence extends EvidenceWish, KeptSnapshot {
  /** The annotation's. */
  readonly id: string;
}
