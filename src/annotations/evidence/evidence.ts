/** pending: still to be made. removed: was made, and its files were deleted. */
export type EvidenceState = 'pending' | 'ready' | 'failed' | 'removed';

/** The evidence that an Annotate call requests. Times are milliseconds since the epoch, by the clock of the arrivals. */
export interface EvidenceRequest {
  readonly camera: string;
  /** Range of the clip, both ends inclusive; equal when no clip is requested. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly clip: boolean;
  readonly snapshot: boolean;
  /** Time of the snapshot. */
  readonly atMs: number;
  /** Frame id of the snapshot; 0 = the frame nearest to `atMs`. */
  readonly frameId: number;
}

export interface StoredSnapshot {
  /** 0 = there is no snapshot. */
  readonly jpegBytes: number;
  /** VideoFrame.frame_id and timestamp of the frame. */
  readonly jpegFrameId: number;
  readonly jpegMs: number;
}

/** The result of making evidence. */
export interface MadeEvidence extends StoredSnapshot {
  /** What is missing and why, in sentences; '' = nothing is missing. */
  readonly reason: string;
  /** 0 = there is no clip. */
  readonly clipBytes: number;
  /** Range of the clip, exact to one frame, milliseconds since the epoch; 0 without a clip. */
  readonly clipFromMs: number;
  readonly clipToMs: number;
}

export interface Evidence extends EvidenceRequest, MadeEvidence {
  readonly state: EvidenceState;
}

/** Evidence that is still to be made. */
export interface PendingEvidence extends EvidenceRequest, StoredSnapshot {
  /** The annotation's id. */
  readonly id: string;
}
