/** Maximum time for TEARDOWN, which ends the session at the camera; see CaptureOptions.teardownMs. */
export const TEARDOWN_MS = 1000;
/** Added to TEARDOWN_MS. After that, the connection counts as closed, and its thread is given up. */
export const TEARDOWN_MARGIN_MS = 500;

/** Values of CONTROL.stop. With `process`, TEARDOWN takes at most 300 ms. */
export const STOP = { none: 0, capture: 1, process: 2 } as const;
export type StopReason = typeof STOP.capture | typeof STOP.process;
