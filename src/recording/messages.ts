/** The messages between the main thread and the recorder thread. Packets are read from the shared rings. */
import type { AudioInfo } from '../native/types.js';
import type { ForwardJump } from './clock-jumps.js';
import type { ProtectedSpan, RetentionRules } from './retention.js';
import type { CheckReport, RecordingStatus } from './types.js';

/** workerData of the recorder thread. */
export interface RecorderWorkerData {
  /** The data directory, with the index that the main thread has prepared. */
  readonly dataDir: string;
  /** Absolute path of the folder of recordings. */
  readonly folder: string;
  /** Groups of pictures are joined until a segment has this length. */
  readonly segmentMinMs: number;
  readonly rules: RetentionRules;
}

/** Describes the packets from `fromSequence` on, with the fields of StreamInfo that a file needs. */
export interface RecordedPeriod {
  readonly fromSequence: number;
  readonly connection: number;
  readonly codecName: string;
  readonly extradata: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly audio?: AudioInfo;
}

export type RecordingCounters = Pick<RecordingStatus, 'segments' | 'bytes' | 'lostGroups' | 'lastSegmentMs'>;

/** A camera that is to be recorded. */
export interface RecordMessage {
  readonly kind: 'record';
  /** Unique for each Camera instance; a camera that is added again under the same name gets a new one. */
  readonly id: number;
  readonly camera: string;
  readonly packetRing: SharedArrayBuffer;
  /** Undefined: audio is not recorded. */
  readonly audioRing: SharedArrayBuffer | undefined;
  readonly control: SharedArrayBuffer;
  /** The first packet that may be recorded. */
  readonly fromSequence: number;
  readonly periods: readonly RecordedPeriod[];
  /** The counters go on from these values. */
  readonly counters: RecordingCounters;
}

/** 'start': the proxy has started. 'requested': an operator requested the check. */
export type CheckCause = 'start' | 'requested';

export type ToRecorder =
  | RecordMessage
  | { readonly kind: 'periods'; readonly id: number; readonly periods: readonly RecordedPeriod[] }
  /** Ends the recording of a camera; the group in progress is still written. */
  | { readonly kind: 'forget'; readonly id: number }
  /** Deletes a limited number of segments. Answered with 'cleaned'. */
  | {
      readonly kind: 'clean';
      readonly nowUs: number;
      readonly jumps: readonly ForwardJump[];
      readonly protectedSpans: readonly ProtectedSpan[];
    }
  /** Answered with 'checked' or 'checkFailed'. During a check, one more can wait; it begins when the first has ended. */
  | { readonly kind: 'check'; readonly why: CheckCause }
  /** Ends the recording of all cameras, and the thread. */
  | { readonly kind: 'stop' };

export interface CameraProgress {
  readonly id: number;
  readonly counters: RecordingCounters;
  readonly state: 'waiting' | 'recording' | 'failing';
  readonly message: string;
}

export type FromRecorder =
  | { readonly kind: 'progress'; readonly cameras: readonly CameraProgress[] }
  /** A size limit is exceeded, or the disk is full. */
  | { readonly kind: 'overLimit' }
  /** `more`: there are more segments to delete. */
  | { readonly kind: 'cleaned'; readonly deleted: number; readonly more: boolean }
  | { readonly kind: 'checked'; readonly why: CheckCause; readonly report: CheckReport }
  | { readonly kind: 'checkFailed'; readonly why: CheckCause; readonly message: string }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly camera?: string;
      readonly text: string;
    };
