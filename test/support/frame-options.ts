/** Frame options and queries for tests that need only some of the fields. */
import type { FrameQuery, FrameOptions } from '../../src/cameras/types.js';
import { PICTURE_FORMAT } from '../../src/gen/ring-layout.js';

export const PLAIN_FORMAT = { format: PICTURE_FORMAT.bgr24, width: 0, height: 0, quality: 0, enlarge: false };
export const EVERY: FrameOptions = {
  outputFormat: PLAIN_FORMAT,
  keyframesOnly: false,
  intervalMs: 0,
  withholdCorrupt: false,
};
export const KEYFRAMES: FrameOptions = { ...EVERY, keyframesOnly: true };
export const everyMs = (intervalMs: number): FrameOptions => ({ ...EVERY, intervalMs });

export const ANY_FRAME: FrameQuery = { options: EVERY, after: 0, sinceLastMs: Infinity, waitMs: 5000, maxAgeMs: 0 };
