import { expect, it } from 'vitest';
import { TimeOrderedIds } from '../../../src/base/time-ordered-ids.js';

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

it('an id is a UUID of version 7 that begins with the time', () => {
  const id = new TimeOrderedIds(() => 0x0190aabbccdd).next();
  expect(id).toMatch(UUID_7);
  expect(id).toMatch(/^0190aabb-ccdd-7000-/);
});

it('an id sorts after the one before it, also within a millisecond and when the clock is set back', () => {
  let nowMs = 1_767_323_045_000;
  const ids = new TimeOrderedIds(() => nowMs);
  const given = Array.from({ length: 10_000 }, (_, number) => {
    if (number === 5000) nowMs -= 3_600_000;
    return ids.next();
  });
  expect(given).toEqual([...given].sort());
  expect(new Set(given).size).toBe(given.length);
  expect(given.every((id) => UUID_7.test(id))).toBe(true);
});
