import type { Camera } from '../cameras/types.js';

export interface StorageStatus {
  /** Undefined: nobody has said so yet. */
  readonly wanted: boolean | undefined;
  /** What the cloud does, by its own word. */
  readonly storing: boolean;
  /** When it said so, milliseconds since the epoch; 0 = it has not yet. */
  readonly storingSinceMs: number;
  /** Why the two differ, a masked sentence; '' = they do not, or it is being asked. */
  readonly message: string;
  /** Milliseconds since the epoch; undefined: none is planned. */
  readonly nextAttemptMs: number | undefined;
}

/** Tells the cloud which streams it shall store. */
export interface Storage {
  /**
   * Keeps the wish, tells the cloud, and resolves when that has agreed. A wish that could not be told is told again until it
   * is. Throws not_found; failed_precondition: no RTMP endpoint, or no edge key; permission_denied: the cloud refuses the
   * key; unavailable: it did not answer as it should.
   */
  set(name: string, wanted: boolean): Promise<Camera>;
  status(name: string): StorageStatus;
}
