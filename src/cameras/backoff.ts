import type { CameraReason } from './types.js';

/** A stream that ran for so long was healthy: the next failure begins the back-off anew. */
export const HEALTHY_AFTER_MS = 30_000;

const USUAL_MS = [1000, 1000, 2000, 5000, 10_000, 30_000, 60_000];
const BY_REASON: Partial<Record<CameraReason, readonly number[]>> = {
  // Cameras lock an account after a few wrong passwords.
  unauthorized: [60_000],
  not_found: [10_000, 30_000, 60_000],
  file_not_found: [5000, 10_000, 30_000],
  file_unreadable: [5000, 10_000, 30_000, 60_000],
  // Retrying cannot give libav a decoder.
  unsupported_codec: [],
  replay_ended: [],
};
/** Spreads the cameras of a network that came back at one moment. */
const JITTER = 0.2;

export interface Failures {
  /** Failures in a row of any reason, this one included. */
  readonly any: number;
  /** Failures in a row of this reason, this one included. */
  readonly same: number;
}

/** Milliseconds to wait before the next attempt, undefined for never. `random` gives 0 to 1. */
export function retryDelayMs(reason: CameraReason, failures: Failures, random: () => number): number | undefined {
  const own = BY_REASON[reason];
  const steps = own ?? USUAL_MS;
  const count = own === undefined ? failures.any : failures.same;
  const delayMs = steps[Math.min(Math.max(count, 1), steps.length) - 1];
  return delayMs === undefined ? undefined : Math.round(delayMs * (1 + JITTER * (2 * random() - 1)));
}
