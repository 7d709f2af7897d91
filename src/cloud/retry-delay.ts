const STEPS_MS = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
/** Spreads the proxies whose cloud came back at one moment. */
const JITTER = 0.2;

/** Milliseconds to wait after so many failures in a row. `random` gives 0 to 1. */
export function retryDelayMs(failures: number, random: () => number): number {
  const delayMs = STEPS_MS[Math.min(Math.max(failures, 1), STEPS_MS.length) - 1] ?? 0;
  return Math.round(delayMs * (1 + JITTER * (2 * random() - 1)));
}
