import { beforeEach, describe, expect, it } from 'vitest';

import { LearnedKeeper } from '../../../src/cameras/learned-keeper.js';
import type { LearnedFacts } from '../../../src/native/types.js';
import { StillClock } from '../fixtures/still-clock.js';

let clock: StillClock;
let stored: (number | undefined)[];
let keeper: LearnedKeeper;

beforeEach(() => {
  clock = new StillClock();
  stored = [];
  keeper = new LearnedKeeper(undefined, clock, (learned) => stored.push(learned?.usualGapMs));
});

const gap = (usualGapMs: number): LearnedFacts => ({
  ...{ transport: '', keepalive: '', authentication: '', certificate: '', session: '', sessionUrl: '' },
  ...{ withoutReceiverReports: false, marksEverySlice: false, sequenceUnreliable: false },
  ...{ jpegWidth: 0, jpegHeight: 0, usualGapMs, silentTcpSessions: 0, endedAfterMs: 0 },
});

describe('the learned facts of a camera', () => {
  it('are stored at once, and then at most once a second, only the newest', () => {
    for (let ms = 1; ms <= 10; ms++) {
      keeper.learn(gap(ms));
      clock.advance(50);
    }
    expect(stored).toEqual([1]);
    expect(keeper.facts?.usualGapMs).toBe(10);
    clock.advance(500);
    expect(stored).toEqual([1, 10]);
    clock.advance(5000);
    expect(stored).toEqual([1, 10]);
    keeper.learn(gap(11));
    expect(stored).toEqual([1, 10, 11]);
  });

  it('are stored by flush, once', () => {
    keeper.learn(gap(1));
    keeper.learn(gap(2));
    keeper.flush();
    keeper.flush();
    expect(stored).toEqual([1, 2]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('stay deleted when the capture that ends still reports facts', () => {
    keeper.learn(gap(1));
    keeper.forget();
    keeper.learn(gap(2));
    expect(keeper.facts).toBeUndefined();
    expect(stored).toEqual([1, undefined]);
    keeper.resume();
    keeper.learn(gap(3));
    keeper.flush();
    expect(stored).toEqual([1, undefined, 3]);
  });
});
