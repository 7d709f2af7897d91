import { ChrysError } from '../base/errors.js';
import type { Recordings } from '../recording/types.js';

/** Stands in for the recordings until there is a recorder. */
export const notRecorded: Recordings = {
  status: () => ({
    wanted: false,
    state: 'off',
    message: '',
    segments: 0,
    bytes: 0,
    lostGroups: 0,
    lastSegmentMs: 0,
  }),
  has: () => false,
  page: () => ({ segments: [], next: undefined }),
  get: () => undefined,
  summary: () => [],
  timeline: () => Promise.resolve({ spans: [], segments: 0, bytes: 0, frames: 0 }),
  check: () => Promise.reject(new ChrysError('unimplemented', 'nothing is recorded yet')),
  inRange: () => [],
  nearest: () => undefined,
  pathOf: () => '',
};
