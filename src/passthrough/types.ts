import type { Camera } from '../cameras/types.js';

/**
 * off: not switched on. waiting: the camera sends nothing. retrying: waits for the next attempt after a failure.
 * impossible: RTMP cannot carry the codec that the camera sends.
 */
export type PassthroughState = 'off' | 'waiting' | 'connecting' | 'streaming' | 'retrying' | 'impossible';

/** Counted since the proxy started. */
export interface PassthroughCounters {
  /** Video packets that the connection to the server has accepted. */
  readonly packets: number;
  /** Bytes of all packets, audio included. */
  readonly bytes: number;
  /** Number of opened connections. */
  readonly connects: number;
  /** Video packets that were skipped because the server was too slow. */
  readonly lost: number;
  /** When the connection last accepted bytes, in milliseconds since the epoch; 0 = never. */
  readonly lastSentMs: number;
}

export interface PassthroughStatus extends PassthroughCounters {
  readonly wanted: boolean;
  readonly state: PassthroughState;
  /** When `state` began, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** A sentence for a person, masked; '' = all is well. */
  readonly message: string;
  /** Time of the next attempt, in milliseconds since the epoch; only while retrying. */
  readonly nextAttemptMs: number | undefined;
  /** The last failure as a masked sentence; '' = none yet. */
  readonly lastError: string;
  /** Whether bytes flow at the moment. */
  readonly streaming: boolean;
}

/** Pushes cameras to their RTMP endpoints. */
export interface Passthrough {
  /**
   * Stores the setting, and begins or ends at once. Throws not_found, and failed_precondition for a camera without an RTMP
   * endpoint or with a codec that RTMP cannot carry.
   */
  set(name: string, enable: boolean): Camera;
  status(name: string): PassthroughStatus;
}
