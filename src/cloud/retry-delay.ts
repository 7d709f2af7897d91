import { RetryLadder, stepOf, withJitter } from '../base/retry-ladder.js';

const STEPS_MS = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000] as const;
/** Spreads the retries of many proxies when the cloud is available again. */
const JITTER = 0.2;

/** The delays between attempts to reach the cloud. `random` gives 0 to 1. */
export function cloudRetries(random: () => number): RetryLadder {
  return new RetryLadder({ stepsMs: STEPS_MS, jitter: JITTER, random });
}

/** The delay in milliseconds after this number of failures in a row. `random` gives 0 to 1. */
export function retryDelayMs(failures: number, random: () => number): number {
  return withJitter(stepOf(STEPS_MS, failures), JITTER, random);
}
