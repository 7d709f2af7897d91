import type { Camera } from '../cameras/types.js';

export interface StorageStatus {
  /** The setting; undefined: never set. */
  readonly wanted: boolean | undefined;
  /** Whether the cloud stores the stream, according to its last answer. */
  readonly storing: boolean;
  /** Time of that answer, milliseconds since the epoch; 0 = there is none. */
  readonly storingSinceMs: number;
  /** Why the setting and the answer differ, as a masked sentence; '' = they are equal, or a request is being sent. */
  readonly message: string;
  /** Milliseconds since the epoch; undefined: no attempt is planned. */
  readonly nextAttemptMs: number | undefined;
}

/** Asks the cloud to store streams. */
export interface Storage {
  /**
   * Stores the setting and resolves when the cloud has accepted it. A failed request is repeated until it succeeds. Throws
   * not_found, failed_precondition (no RTMP endpoint or no edge key), permission_denied (the cloud refuses the key), or
   * unavailable (any other failure).
   */
  set(name: string, enable: boolean): Promise<Camera>;
  status(name: string): StorageStatus;
}
