/** Milliseconds since the epoch. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Covered extends Stretch {
  /** Something within it is missing. */
  readonly holes: boolean;
}

/** Between what is on disk and what is in memory: packets of one moment may arrive so far apart. */
const JITTER_MS = 2000;

/** Which part of a range these cover, in whatever order; undefined: none of it. */
export function coveredPart(stretches: readonly Stretch[], range: Stretch): Covered | undefined {
  const within = stretches
    .filter(({ fromMs, toMs }) => toMs >= range.fromMs && fromMs <= range.toMs)
    .sort((one, other) => one.fromMs - other.fromMs);
  const [first] = within;
  if (first === undefined) return undefined;
  let toMs = first.toMs;
  let holes = false;
  for (const stretch of within) {
    if (stretch.fromMs - toMs > JITTER_MS) holes = true;
    toMs = Math.max(toMs, stretch.toMs);
  }
  return { fromMs: Math.max(first.fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs), holes };
}
