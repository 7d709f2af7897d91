import type { StreamInfo } from '../native/types.js';
import type { PassthroughCounters, PassthroughState } from './types.js';

/** Describes the packets from `fromSequence` on. */
export interface RelayedPeriod {
  readonly fromSequence: number;
  readonly stream: Pick<StreamInfo, 'connection' | 'codecName' | 'extradata' | 'width' | 'height' | 'audio'>;
}

/** workerData of a relay thread. */
export interface RelayWorkerData {
  /** With credentials. */
  readonly url: string;
  readonly packetRing: SharedArrayBuffer;
  readonly audioRing: SharedArrayBuffer | undefined;
  /** The camera's control block. */
  readonly control: SharedArrayBuffer;
  /** One Int32. A value other than 0 ends the thread and all its waits. */
  readonly cancel: SharedArrayBuffer;
  /** Oldest first. */
  readonly periods: readonly RelayedPeriod[];
  readonly counters: PassthroughCounters;
}

export type ToRelay =
  { readonly kind: 'periods'; readonly periods: readonly RelayedPeriod[] } | { readonly kind: 'stop' };

/** Sent when the state changes, and every second while packets are sent. */
export interface RelayProgress {
  readonly state: Exclude<PassthroughState, 'off'>;
  /** Not masked: it may contain credentials. */
  readonly message: string;
  readonly nextAttemptMs: number | undefined;
  readonly lastError: string;
  readonly counters: PassthroughCounters;
}
