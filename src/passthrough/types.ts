import type { Camera } from '../cameras/types.js';

/**
 * off: nobody wants it. waiting: the camera sends nothing. retrying: it failed, and is tried again. impossible: RTMP cannot
 * carry what the camera sends.
 */
export type PassthroughState = 'off' | 'waiting' | 'connecting' | 'streaming' | 'retrying' | 'impossible';

/** Since the proxy started. */
export interface PassthroughCounters {
  /** Of video, taken by the server's connection. */
  readonly packets: number;
  /** Of all packets. */
  readonly bytes: number;
  /** Connections that were opened. */
  readonly connects: number;
  /** Packets of video that were passed over because the server was too slow. */
  readonly lost: number;
  /** When bytes were taken last, milliseconds since the epoch; 0 = never. */
  readonly lastSentMs: number;
}

export interface PassthroughStatus extends PassthroughCounters {
  readonly wanted: boolean;
  readonly state: PassthroughState;
  /** Since when, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** A sentence for a person, masked; '' = all is well. */
  readonly message: string;
  /** The next attempt, milliseconds since the epoch; only while retrying. */
  readonly nextAttemptMs: number | undefined;
  /** The masked sentence of the last failure, '' = none yet. */
  readonly lastError: string;
  /** Bytes flow at the moment. */
  readonly streaming: boolean;
}

/** Pushes cameras to their RTMP endpoints. */
export interface Passthrough {
  /**
   * Keeps the wish, also over a restart, and begins or ends at once. Throws not_found, and failed_precondition for a camera
   * that has no RTMP endpoint or sends what RTMP cannot carry.
   */
  set(name: string, wanted: boolean): Camera;
  status(name: string): PassthroughStatus;
}
