import { expect, it } from 'vitest';

import { lastUsOfMs, rangeInUs } from '../../../src/base/microseconds.js';

it('includes all of the last millisecond of a range', () => {
  expect(lastUsOfMs(2)).toBe(2999);
  expect(rangeInUs(1, 2)).toEqual({ fromUs: 1000, toUs: 2999 });
});
