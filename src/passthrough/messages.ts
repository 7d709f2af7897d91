import type { StreamInfo } from '../native/types.js';
import type { PassthroughCounters, PassthroughState } from './types.js';

/** What the packets from one on are. */
export interface RelayedPeriod {
  readonly fromSequence: number;
  readonly stream: Pick<StreamInfo, 'connection' | 'codecName' | 'extradata' | 'width' | 'height' | 'audio'>;
}

/** What a relay thread is started with. */
export interface RelayWorkerData {
  /** With its credentials. */
  readonly url: string;
  readonly packetRing: SharedArrayBuffer;
  readonly audioRing: SharedArrayBuffer | undefined;
  /** Of the camera. */
  readonly control: SharedArrayBuffer;
  /** Four bytes: anything but 0 ends it, whatever it waits for. */
  readonly cancel: SharedArrayBuffer;
  /** Oldest first. */
  readonly periods: readonly RelayedPeriod[];
  readonly counters: PassthroughCounters;
}

export type ToRelay =
  { readonly kind: 'periods'; readonly periods: readonly RelayedPeriod[] } | { readonly kind: 'stop' };

/** How it goes; sent when the state changes, and every second while packets are sent. */
export interface RelayProgress {
  readonly state: Exclude<PassthroughState, 'off'>;
  /** Not masked yet. */
  readonly message: string;
  readonly nextAttemptMs: number | undefined;
  readonly lastError: string;
  readonly counters: PassthroughCounters;
}
