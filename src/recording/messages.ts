/** The one channel between the main thread and the recorder worker. Packets are read from the shared rings. */
import type { AudioInfo } from '../native/types.js';
import type { ForwardJump } from './clock-jumps.js';
import type { ProtectedSpan, RetentionRules } from './retention.js';
import type { CheckReport, RecordingStatus } from './types.js';

/** Given to the worker at its start. */
export interface RecorderWorkerData {
  /** Holds the index, which main has prepared. */
  readonly dataDir: string;
  /** Of the recordings; absolute. */
  readonly folder: string;
  /** Groups of pictures are joined until a segment is so long. */
  readonly segmentMinMs: number;
  readonly rules: RetentionRules;
}

/** What the packets from one on are; the fields of a StreamInfo that a file needs. */
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
  /** Of this camera object: another of the same name has another. */
  readonly id: number;
  readonly camera: string;
  readonly packetRing: SharedArrayBuffer;
  /** Undefined: its sound is not recorded. */
  readonly audioRing: SharedArrayBuffer | undefined;
  readonly control: SharedArrayBuffer;
  /** The first packet that may be recorded. */
  readonly fromSequence: number;
  readonly periods: readonly RecordedPeriod[];
  /** To count on from. */
  readonly counters: RecordingCounters;
}

/** The proxy has started, or somebody asked. */
export type CheckCause = 'start' | 'asked';

export type ToRecorder =
  | RecordMessage
  | { readonly kind: 'periods'; readonly id: number; readonly periods: readonly RecordedPeriod[] }
  /** Ends the recording of a camera; the group in progress is still written. */
  | { readonly kind: 'forget'; readonly id: number }
  /** Deletes a bounded number of segments; answered with 'cleaned'. */
  | {
      readonly kind: 'clean';
      readonly nowUs: number;
      readonly jumps: readonly ForwardJump[];
      readonly protectedSpans: readonly ProtectedSpan[];
    }
  /** Answered with 'checked'. One more while one runs begins when that has ended. */
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
  /** A limit of size is exceeded, or the disk is full. */
  | { readonly kind: 'overLimit' }
  /** `more`: it would have deleted more than it may at a time. */
  | { readonly kind: 'cleaned'; readonly deleted: number; readonly more: boolean }
  | { readonly kind: 'checked'; readonly why: CheckCause; readonly report: CheckReport }
  | { readonly kind: 'checkFailed'; readonly why: CheckCause; readonly message: string }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly camera?: string;
      readonly text: string;
    };
