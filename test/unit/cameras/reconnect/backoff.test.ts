import { describe, expect, it } from 'vitest';

import { mendedAfterMs, retryDelayMs } from '../../../../src/cameras/reconnect/backoff.js';
import type { CameraReason } from '../../../../src/cameras/types.js';

const middle = (): number => 0.5;

function delays(reason: CameraReason, count: number): (number | undefined)[] {
  return Array.from({ length: count }, (_, index) => {
    const failures = index + 1;
    return retryDelayMs(reason, { any: failures, same: failures, kept: failures }, middle);
  });
}

describe('the delay before the next attempt', () => {
  it('grows to a minute and stays there', () => {
    expect(delays('connection_lost', 9)).toEqual([1000, 1000, 2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000]);
  });

  it.each(['unauthorized', 'forbidden'] as const)(
    'after %s is 5, 15, then 30 minutes: cameras lock accounts',
    (reason) => {
      expect(delays(reason, 4)).toEqual([300_000, 900_000, 1_800_000, 1_800_000]);
    },
  );

  it.each(['unauthorized', 'flood'] as const)('after %s grows, also with other failures in between', (reason) => {
    const first = retryDelayMs(reason, { any: 1, same: 1, kept: 1 }, middle) ?? 0;
    expect(retryDelayMs(reason, { any: 1, same: 1, kept: 2 }, middle)).toBeGreaterThan(first);
  });

  it('at a session limit allows at most 12 attempts a minute, and one within 15 s after the session has expired', () => {
    const shortest = Array.from({ length: 12 }, (_, index) =>
      retryDelayMs('session_limit', { any: index + 1, same: index + 1, kept: index + 1 }, () => 0),
    );
    const lastMs = shortest.reduce<number>((sum, delayMs) => sum + (delayMs ?? 0), 0);
    expect(lastMs).toBeGreaterThan(60_000);
    const longest = retryDelayMs('session_limit', { any: 9, same: 9, kept: 9 }, () => 0.999_999_9);
    expect(longest).toBeLessThanOrEqual(15_000);
  });

  it.each(['too_many_pixels', 'certificate_changed', 'certificate_untrusted'] as const)(
    'after %s is a minute from the first time on',
    (reason) => {
      expect(delays(reason, 2)).toEqual([60_000, 60_000]);
    },
  );

  it.each(['flood', 'message_too_large', 'picture_too_large'] as const)('after %s grows to 15 minutes', (reason) => {
    const all = delays(reason, 7);
    expect(all.slice(0, 2)).toEqual([10_000, 30_000]);
    expect(all.slice(-2)).toEqual([900_000, 900_000]);
    expect(mendedAfterMs(reason)).toBe(600_000);
  });

  it('is long for a path that does not exist', () => {
    expect(delays('not_found', 4)).toEqual([10_000, 30_000, 60_000, 60_000]);
  });

  it('counts only failures of this reason for a path that does not exist', () => {
    expect(retryDelayMs('not_found', { any: 20, same: 1, kept: 1 }, middle)).toBe(10_000);
  });

  it('does not exist for a codec that cannot be decoded, because there is no retry', () => {
    expect(delays('unsupported_codec', 2)).toEqual([undefined, undefined]);
  });

  it('varies by up to a fifth in both directions', () => {
    const failures = { any: 5, same: 5, kept: 5 };
    expect(retryDelayMs('refused', failures, () => 0)).toBe(8000);
    expect(retryDelayMs('refused', failures, () => 0.999_999_9)).toBe(12_000);
  });
});
