import { expect, it } from 'vitest';

import { within } from '../../../src/base/within.js';
import { StillClock } from '../fixtures/still-clock.js';

const never = new Promise<string>(() => undefined);

it('returns the result of a promise that settles in time, and leaves no timer', async () => {
  const clock = new StillClock();
  expect(await within(Promise.resolve('done'), 100, clock, () => 'late')).toBe('done');
  await expect(within(Promise.reject(new Error('it failed')), 100, clock, () => 'late')).rejects.toThrow('it failed');
  expect(clock.pendingTimers).toBe(0);
});

it('returns the result of onTimeout after the timeout, and not before', async () => {
  const clock = new StillClock();
  let result: string | undefined;
  const waiting = within(never, 100, clock, () => 'late').then((value) => (result = value));
  clock.advance(99);
  await Promise.resolve();
  expect(result).toBeUndefined();
  clock.advance(1);
  expect(await waiting).toBe('late');
});

it('throws the error of onTimeout', async () => {
  const clock = new StillClock();
  const waiting = within(never, 100, clock, () => {
    throw new Error('no answer');
  });
  clock.advance(100);
  await expect(waiting).rejects.toThrow('no answer');
});

it('ignores the error of a promise that fails after its timeout', async () => {
  const clock = new StillClock();
  let fail: (error: Error) => void = () => undefined;
  const slow = new Promise<string>((_resolve, reject) => (fail = reject));
  const waiting = within(slow, 100, clock, () => 'late');
  clock.advance(100);
  expect(await waiting).toBe('late');
  fail(new Error('too late to matter'));
});
