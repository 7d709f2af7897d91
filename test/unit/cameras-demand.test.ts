import { beforeEach, describe, expect, it } from 'vitest';

import { DEMAND_TTL_MS, Demand } from '../../src/cameras/demand.js';
import { CONTROL, DEMAND } from '../../src/gen/ring-layout.js';
import { Control } from '../../src/rings/control.js';
import { StillClock } from './fixtures/still-clock.js';

let clock: StillClock;
let control: Control;
let demand: Demand;

beforeEach(() => {
  clock = new StillClock();
  control = Control.create();
  demand = new Demand(control, clock);
});

const KEYFRAMES = true;
const ALL = false;
const mode = (): number => control.getI32(CONTROL.demandModeI32);

describe('the demand on a camera', () => {
  it('is nothing while nobody asks', () => {
    expect(mode()).toBe(DEMAND.idle);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is what a caller asks for, at once', () => {
    demand.touch(KEYFRAMES);
    expect(mode()).toBe(DEMAND.keyframes);
    demand.touch(ALL);
    expect(mode()).toBe(DEMAND.all);
  });

  it('is not lowered by a caller who wants less', () => {
    demand.touch(ALL);
    demand.touch(KEYFRAMES);
    expect(mode()).toBe(DEMAND.all);
  });

  it('lasts 10 s from the last call', () => {
    demand.touch(ALL);
    clock.advance(DEMAND_TTL_MS - 1);
    demand.touch(ALL);
    clock.advance(DEMAND_TTL_MS - 1);
    expect(mode()).toBe(DEMAND.all);
    clock.advance(1);
    expect(mode()).toBe(DEMAND.idle);
    expect(clock.pendingTimers).toBe(0);
  });

  it('falls to what the others still want', () => {
    demand.touch(ALL);
    clock.advance(6000);
    demand.touch(KEYFRAMES);
    clock.advance(4000);
    expect(mode()).toBe(DEMAND.keyframes);
    clock.advance(6000);
    expect(mode()).toBe(DEMAND.idle);
  });

  it('does not fall when only the smaller one expires', () => {
    demand.touch(KEYFRAMES);
    clock.advance(6000);
    demand.touch(ALL);
    clock.advance(5000);
    expect(mode()).toBe(DEMAND.all);
  });

  it('lasts as long as a call waits, and 10 s more', () => {
    demand.touch(ALL);
    demand.hold(ALL);
    clock.advance(5 * DEMAND_TTL_MS);
    expect(mode()).toBe(DEMAND.all);
    demand.release(ALL);
    clock.advance(DEMAND_TTL_MS - 1);
    expect(mode()).toBe(DEMAND.all);
    clock.advance(1);
    expect(mode()).toBe(DEMAND.idle);
  });

  it('can rise again after it fell', () => {
    demand.touch(ALL);
    clock.advance(2 * DEMAND_TTL_MS);
    demand.touch(KEYFRAMES);
    expect(mode()).toBe(DEMAND.keyframes);
    clock.advance(DEMAND_TTL_MS);
    expect(mode()).toBe(DEMAND.idle);
  });

  it('keeps one timer however many calls there are', () => {
    for (let call = 0; call < 1000; call++) {
      demand.touch(call % 2 === 0);
      clock.advance(20);
    }
    expect(clock.pendingTimers).toBe(1);
  });

  it('ends with the camera', () => {
    demand.touch(ALL);
    demand.close();
    expect(mode()).toBe(DEMAND.idle);
    expect(clock.pendingTimers).toBe(0);
  });
});
