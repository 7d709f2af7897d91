import { describe, expect, it } from 'vitest';
import { parseMoment, resolveMoment } from '../../../src/cli/moment.js';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

describe('a moment', () => {
  it.each([
    ['now', NOW_MS],
    ['-30s', NOW_MS - 30_000],
    ['now-30s', NOW_MS - 30_000],
    ['-1h30m', NOW_MS - 5_400_000],
    ['-500ms', NOW_MS - 500],
    ['1767323045678', NOW_MS],
    ['2026-01-02T03:04:05.678Z', NOW_MS],
    ['2026-01-02T03:04:05,678z', NOW_MS],
    ['2026-01-02 03:04Z', Date.UTC(2026, 0, 2, 3, 4)],
    ['2026-01-02T04:04:05.678+01:00', NOW_MS],
    ['2026-01-02T04:04:05.678+0100', NOW_MS],
    ['2026-01-02T03:04:05', new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ['2026-01-02', new Date(2026, 0, 2).getTime()],
  ])('%s is read', (text, expected) => {
    const moment = parseMoment(text);
    expect(moment && resolveMoment(moment, NOW_MS)).toBe(expected);
  });

  it.each(['', 'yesterday', '-', '-30', '30s', '+30s', '1767323045', '-1767323045678', '2026-13-01', '12:00', '1e12'])(
    '%j is refused',
    (text) => {
      expect(parseMoment(text)).toBeUndefined();
    },
  );
});
