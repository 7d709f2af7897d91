/** The last microsecond of a millisecond, so that a range up to that millisecond includes all of it. */
export function lastUsOfMs(ms: number): number {
  return ms * 1000 + 999;
}

/** A range of whole milliseconds, both ends included, in microseconds. */
export function rangeInUs(fromMs: number, toMs: number): { readonly fromUs: number; readonly toUs: number } {
  return { fromUs: fromMs * 1000, toUs: lastUsOfMs(toMs) };
}
