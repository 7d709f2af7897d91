import { beforeEach, describe, expect, it } from 'vitest';

import { HEALTHY_AFTER_MS } from '../../../src/cameras/reconnect/backoff.js';
import { CameraStateMachine } from '../../../src/cameras/state.js';
import type { CameraPhase } from '../../../src/cameras/types.js';
import { StillClock } from '../fixtures/still-clock.js';

let clock: StillClock;
let machine: CameraStateMachine;

beforeEach(() => {
  clock = new StillClock();
  machine = new CameraStateMachine(clock, () => 0.5);
});

/** The shortest way into each phase. `waiting` and `retrying` are the two halves of `reconnecting`. */
const WAYS = {
  created: () => undefined,
  connecting: () => machine.attempt(),
  running: () => [machine.attempt(), machine.opened()],
  waiting: () => [machine.attempt(), machine.ended('refused', 'no')],
  retrying: () => [machine.attempt(), machine.ended('refused', 'no'), machine.attempt()],
  failed: () => [machine.attempt(), machine.ended('unsupported_codec', 'no')],
  stopped: () => {
    machine.stopped();
  },
};
const EVENTS = {
  attempt: () => machine.attempt(),
  opened: () => machine.opened(),
  ended: () => machine.ended('stalled', 'no video'),
  endedForGood: () => machine.ended('unsupported_codec', 'no decoder'),
  cameBack: () => {
    machine.cameBack();
  },
  invalid: () => {
    machine.invalid('bad URL');
  },
  stopped: () => {
    machine.stopped();
  },
};

type Way = keyof typeof WAYS;
type Row = readonly [Way, Readonly<Record<keyof typeof EVENTS, CameraPhase>>];
const TABLE: readonly Row[] = [
  [
    'created',
    {
      attempt: 'connecting',
      opened: 'created',
      ended: 'created',
      endedForGood: 'created',
      cameBack: 'created',
      invalid: 'failed',
      stopped: 'stopped',
    },
  ],
  [
    'connecting',
    {
      attempt: 'connecting',
      opened: 'running',
      ended: 'reconnecting',
      endedForGood: 'failed',
      cameBack: 'connecting',
      invalid: 'failed',
      stopped: 'stopped',
    },
  ],
  [
    'running',
    {
      attempt: 'running',
      opened: 'running',
      ended: 'reconnecting',
      endedForGood: 'failed',
      cameBack: 'running',
      invalid: 'failed',
      stopped: 'stopped',
    },
  ],
  [
    'waiting',
    {
      attempt: 'reconnecting',
      opened: 'reconnecting',
      ended: 'reconnecting',
      endedForGood: 'reconnecting',
      cameBack: 'reconnecting',
      invalid: 'failed',
      stopped: 'stopped',
    },
  ],
  [
    'retrying',
    {
      attempt: 'reconnecting',
      opened: 'running',
      ended: 'reconnecting',
      endedForGood: 'failed',
      cameBack: 'reconnecting',
      invalid: 'failed',
      stopped: 'stopped',
    },
  ],
  [
    'failed',
    {
      attempt: 'failed',
      opened: 'failed',
      ended: 'failed',
      endedForGood: 'failed',
      cameBack: 'failed',
      invalid: 'failed',
      stopped: 'stopped',
    },
  ],
  [
    'stopped',
    {
      attempt: 'stopped',
      opened: 'stopped',
      ended: 'stopped',
      endedForGood: 'stopped',
      cameBack: 'stopped',
      invalid: 'stopped',
      stopped: 'stopped',
    },
  ],
];

describe.each(TABLE)('a camera that is %s', (way, outcomes) => {
  it.each(Object.entries(outcomes) as [keyof typeof EVENTS, CameraPhase][])('after "%s" is %s', (event, phase) => {
    WAYS[way]();
    EVENTS[event]();
    expect(machine.state.phase).toBe(phase);
  });
});

describe('the state', () => {
  it('begins as created, without a message', () => {
    expect(machine.state).toEqual({ phase: 'created', sinceMs: clock.nowMs(), message: '', failingStreak: 0 });
    expect(machine.lastError).toBe('');
  });

  it('has the time at which the phase began', () => {
    clock.advance(500);
    machine.attempt();
    const atMs = clock.nowMs();
    clock.advance(500);
    machine.ended('refused', 'no');
    expect(machine.state.sinceMs).toBe(atMs + 500);
    clock.advance(1000);
    machine.attempt();
    expect(machine.state.sinceMs).toBe(atMs + 500);
  });

  it('has the reason and the time of the next attempt', () => {
    WAYS.waiting();
    expect(machine.state).toMatchObject({ reason: 'refused', message: 'no', nextAttemptMs: clock.nowMs() + 1000 });
    clock.advance(1000);
    machine.attempt();
    expect(machine.state).toMatchObject({ reason: 'refused', message: 'no' });
    expect(machine.state.nextAttemptMs).toBeUndefined();
  });

  it('has no reason while running, but remembers the last error', () => {
    WAYS.retrying();
    machine.opened();
    expect(machine.state.reason).toBeUndefined();
    expect(machine.state.message).toBe('');
    expect(machine.lastError).toBe('no');
  });

  it('has the times of the last connection and disconnection', () => {
    machine.attempt();
    machine.ended('refused', 'no');
    expect(machine.state.lastConnectedMs).toBeUndefined();
    expect(machine.state.lastDisconnectedMs).toBeUndefined();
    machine.attempt();
    const connectedMs = clock.nowMs();
    machine.opened();
    clock.advance(2000);
    machine.ended('stalled', 'no video');
    expect(machine.state).toMatchObject({ lastConnectedMs: connectedMs, lastDisconnectedMs: connectedMs + 2000 });
  });

  it('counts openings after the first one as reconnects', () => {
    WAYS.running();
    expect(machine.reconnects).toBe(0);
    machine.ended('stalled', 'no video');
    machine.attempt();
    expect(machine.reconnects).toBe(0);
    machine.opened();
    expect(machine.reconnects).toBe(1);
  });

  it('has neither a reason nor a next attempt once it was stopped', () => {
    WAYS.waiting();
    machine.stopped();
    expect(machine.state.reason).toBeUndefined();
    expect(machine.state.nextAttemptMs).toBeUndefined();
    expect(machine.state.message).toBe('');
  });

  it('has the message why a stored definition cannot be used', () => {
    machine.invalid('the camera URL has no host');
    expect(machine.state).toMatchObject({ phase: 'failed', message: 'the camera URL has no host' });
    expect(machine.attempt()).toBe(false);
  });
});

describe('failures', () => {
  function fail(): number | undefined {
    machine.attempt();
    return machine.ended('connection_lost', 'gone');
  }

  it('are counted, and the delays grow', () => {
    expect([fail(), fail(), fail(), fail()]).toEqual([1000, 1000, 2000, 5000]);
    expect(machine.state.failingStreak).toBe(4);
  });

  it('still count while the stream runs for less than 30 s', () => {
    fail();
    fail();
    machine.attempt();
    machine.opened();
    clock.advance(HEALTHY_AFTER_MS - 1);
    expect(machine.state.failingStreak).toBe(2);
    expect(machine.ended('connection_lost', 'gone')).toBe(2000);
    expect(machine.state.failingStreak).toBe(3);
  });

  it('no longer count once the stream has run for 30 s', () => {
    fail();
    fail();
    fail();
    machine.attempt();
    machine.opened();
    clock.advance(HEALTHY_AFTER_MS);
    expect(machine.state.failingStreak).toBe(0);
    expect(machine.ended('connection_lost', 'gone')).toBe(1000);
    expect(machine.state.failingStreak).toBe(1);
  });

  it('no longer count for the delay when the camera came back, but are still reported', () => {
    for (let count = 0; count < 6; count++) fail();
    machine.cameBack();
    expect(fail()).toBe(1000);
    expect(machine.state.failingStreak).toBe(7);
  });

  it('of a flooding camera count until its stream has run for 10 minutes', () => {
    const flood = (ranMs: number): number | undefined => {
      machine.attempt();
      machine.opened();
      clock.advance(ranMs);
      return machine.ended('flood', 'too much');
    };
    expect([flood(60_000), flood(60_000), flood(60_000)]).toEqual([10_000, 30_000, 60_000]);
    expect(flood(600_000)).toBe(10_000);
  });

  it('of a password still count after the camera was away', () => {
    machine.attempt();
    expect(machine.ended('unauthorized', 'wrong')).toBe(300_000);
    machine.attempt();
    machine.ended('refused', 'away');
    machine.cameBack();
    machine.attempt();
    expect(machine.ended('unauthorized', 'wrong')).toBe(900_000);
  });

  it.each([
    ['waits', 'unauthorized', 300_000],
    ['failed for good', 'unsupported_codec', undefined],
  ] as const)('of a camera that %s no longer count after a retry request', (_what, reason, delayMs) => {
    for (let count = 0; count < 2; count++) {
      machine.attempt();
      machine.ended(reason, 'no');
      expect(machine.retry()).toBe(true);
      expect(machine.state.nextAttemptMs).toBeUndefined();
    }
    expect(machine.attempt()).toBe(true);
    expect(machine.ended(reason, 'no')).toBe(delayMs);
  });

  it.each(['created', 'connecting', 'running', 'retrying', 'stopped'] as const)(
    'cannot be retried while the camera is %s',
    (way) => {
      WAYS[way]();
      const { phase } = machine.state;
      expect(machine.retry()).toBe(false);
      expect(machine.state.phase).toBe(phase);
    },
  );

  it('that no retry can help have no next attempt', () => {
    machine.attempt();
    expect(machine.ended('unsupported_codec', 'no decoder')).toBeUndefined();
    expect(machine.state).toMatchObject({ phase: 'failed', reason: 'unsupported_codec' });
    expect(machine.state.nextAttemptMs).toBeUndefined();
  });
});
