import { expect, it } from 'vitest';
import { cloudRetries, retryDelayMs } from '../../../src/cloud/retry-delay.js';

it('the delay grows with each failure, up to a minute', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => retryDelayMs(failures, () => 0.5));
  expect(delays).toEqual([500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000]);
});

it('the delay varies by a fifth', () => {
  expect([retryDelayMs(2, () => 0), retryDelayMs(2, () => 1)]).toEqual([800, 1200]);
});

it('the delays start again at the first after a success', () => {
  const retries = cloudRetries(() => 0.5);
  const delays = [retries.fail(), retries.fail()];
  retries.reset();
  expect([...delays, retries.fail()]).toEqual([500, 1000, 500]);
});
