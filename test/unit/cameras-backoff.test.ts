import { describe, expect, it } from 'vitest';

import { retryDelayMs } from '../../src/cameras/backoff.js';
import type { CameraReason } from '../../src/cameras/types.js';

const middle = (): number => 0.5;

function delays(reason: CameraReason, count: number): (number | undefined)[] {
  return Array.from({ length: count }, (_, index) => {
    const failures = index + 1;
    return retryDelayMs(reason, { any: failures, same: failures }, middle);
  });
}

describe('the wait before the next attempt', () => {
  it('grows to a minute and stays there', () => {
    expect(delays('connection_lost', 9)).toEqual([1000, 1000, 2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000]);
  });

  it('is a minute from the first refused password on, because cameras lock accounts', () => {
    expect(delays('unauthorized', 3)).toEqual([60_000, 60_000, 60_000]);
  });

  it('is long for a path that is not there', () => {
    expect(delays('not_found', 4)).toEqual([10_000, 30_000, 60_000, 60_000]);
  });

  it('counts only failures of its own kind for a path that is not there', () => {
    expect(retryDelayMs('not_found', { any: 20, same: 1 }, middle)).toBe(10_000);
  });

  it('is never over for a codec that cannot be decoded', () => {
    expect(delays('unsupported_codec', 2)).toEqual([undefined, undefined]);
  });

  it('differs from camera to camera by up to a fifth either way', () => {
    const failures = { any: 5, same: 5 };
    expect(retryDelayMs('refused', failures, () => 0)).toBe(8000);
    expect(retryDelayMs('refused', failures, () => 0.999_999_9)).toBe(12_000);
  });
});
