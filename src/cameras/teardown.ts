/** Maximum time for TEARDOWN, in which a camera is told that its session ends; see CaptureOptions.teardownMs. */
export const TEARDOWN_MS = 1000;
/** Beyond TEARDOWN_MS. A connection that is not closed by then holds nobody up any more, and its thread is given up. */
export const TEARDOWN_MARGIN_MS = 500;

/** Values of CONTROL.stop. With `process`, TEARDOWN takes at most 300 ms. */
export const STOP = { none: 0, capture: 1, process: 2 } as const;
export type StopWish = typeof STOP.capture | typeof STOP.process;
