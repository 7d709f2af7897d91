/** Delays that grow with each failure in a row, in milliseconds. The last one applies to all further failures. */
export interface RetryLadderOptions {
  readonly stepsMs: readonly [number, ...number[]];
  /** Each delay is changed at random by up to this share, so that many clients do not retry at the same moment. Default 0. */
  readonly jitter?: number;
  /** Gives 0 to 1. Needed only with `jitter`. */
  readonly random?: () => number;
  /** After an attempt that lasted this long, in milliseconds, the delays start again at the first. Default: only `reset` does that. */
  readonly healthyMs?: number;
}

/** Counts failures in a row and says how long to wait before the next attempt. */
export class RetryLadder {
  private failures = 0;

  constructor(private readonly options: RetryLadderOptions) {}

  /** Counts one more failure, of an attempt that lasted `lastedMs`. Returns the delay in milliseconds. */
  fail(lastedMs = 0): number {
    const { stepsMs, jitter, random, healthyMs = Infinity } = this.options;
    if (lastedMs >= healthyMs) this.failures = 0;
    this.failures += 1;
    return withJitter(stepOf(stepsMs, this.failures), jitter, random);
  }

  /** Call this after a success: the delays start again at the first. */
  reset(): void {
    this.failures = 0;
  }
}

/** The step for this number of failures, which counts from 1. */
export function stepOf(stepsMs: readonly [number, ...number[]], failures: number): number {
  const index = Math.min(Math.max(failures, 1), stepsMs.length) - 1;
  return stepsMs[index] ?? stepsMs[0];
}

/** `delayMs`, changed at random by up to the fraction `share`, in whole milliseconds. `random` gives 0 to 1. */
export function withJitter(delayMs: number, share = 0, random: () => number = Math.random): number {
  return share === 0 ? delayMs : Math.round(delayMs * (1 + share * (2 * random() - 1)));
}
