import { expect, it } from 'vitest';

import { RetryLadder, withJitter } from '../../../src/base/retry-ladder.js';

it('waits longer after each failure, up to the last step', () => {
  const ladder = new RetryLadder({ stepsMs: [100, 500, 2000] });
  expect([1, 2, 3, 4, 5].map(() => ladder.fail())).toEqual([100, 500, 2000, 2000, 2000]);
});

it('starts again at the first step after a success', () => {
  const ladder = new RetryLadder({ stepsMs: [100, 500] });
  ladder.fail();
  ladder.reset();
  expect(ladder.fail()).toBe(100);
});

it('starts again at the first step after an attempt that was healthy for long enough', () => {
  const ladder = new RetryLadder({ stepsMs: [100, 500, 2000], healthyMs: 1000 });
  ladder.fail();
  expect(ladder.fail(999)).toBe(500);
  expect(ladder.fail(1000)).toBe(100);
});

it('changes delays by at most the jitter', () => {
  expect([0, 0.5, 1].map((random) => withJitter(1000, 0.2, () => random))).toEqual([800, 1000, 1200]);
  expect(new RetryLadder({ stepsMs: [1000], jitter: 0.1, random: () => 1 }).fail()).toBe(1100);
});
