import { beforeEach, describe, expect, it } from 'vitest';

import { DEMAND_TTL_MS, Demand } from '../../../../src/cameras/frames/demand.js';
import { CONTROL, FRAME_FILTER, OUTPUT, PICTURE_FORMAT } from '../../../../src/gen/ring-layout.js';
import { Control } from '../../../../src/rings/control.js';
import { EVERY as ALL, everyMs, KEYFRAMES, PLAIN_FORMAT } from '../../../support/frame-options.js';
import { StillClock } from '../../fixtures/still-clock.js';

let clock: StillClock;
let control: Control;
let demand: Demand;

beforeEach(() => {
  clock = new StillClock();
  control = Control.create();
  demand = new Demand(control, clock);
});

const filters = (output = 0): number =>
  control.getI32(CONTROL.outputsI32 + (output * OUTPUT.bytes) / 4 + OUTPUT.filtersI32);
const intervalMs = (index: number): number => control.getI32(CONTROL.intervalMsI32 + index);
const intervalFilter = (index: number): number => 1 << (FRAME_FILTER.firstInterval + index);
const jpeg = (width: number) => ({
  ...ALL,
  outputFormat: { ...PLAIN_FORMAT, format: PICTURE_FORMAT.jpeg, width, quality: 80 },
});

describe('the demand on a camera', () => {
  it('is empty without a subscription', () => {
    expect(filters()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('contains a subscription at once', () => {
    demand.subscribe(KEYFRAMES);
    expect(filters()).toBe(FRAME_FILTER.keyframes);
    demand.subscribe(ALL);
    expect(filters()).toBe(FRAME_FILTER.keyframes | FRAME_FILTER.all);
  });

  it('is not lowered by a smaller subscription', () => {
    demand.subscribe(ALL);
    demand.subscribe(KEYFRAMES);
    expect(filters()).toBe(FRAME_FILTER.keyframes | FRAME_FILTER.all);
  });

  it('lasts 10 s from the last call', () => {
    demand.subscribe(ALL);
    clock.advance(DEMAND_TTL_MS - 1);
    demand.subscribe(ALL);
    clock.advance(DEMAND_TTL_MS - 1);
    expect(filters()).toBe(FRAME_FILTER.all);
    clock.advance(1);
    expect(filters()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('falls to the subscriptions that are left', () => {
    demand.subscribe(ALL);
    clock.advance(6000);
    demand.subscribe(KEYFRAMES);
    clock.advance(4000);
    expect(filters()).toBe(FRAME_FILTER.keyframes);
    clock.advance(6000);
    expect(filters()).toBe(0);
  });

  it('does not fall when only a smaller subscription expires', () => {
    demand.subscribe(KEYFRAMES);
    clock.advance(6000);
    demand.subscribe(ALL);
    clock.advance(5000);
    expect(filters()).toBe(FRAME_FILTER.all);
  });

  it('lasts as long as a call waits, and 10 s more', () => {
    const subscription = demand.subscribe(ALL);
    demand.beginWait(subscription);
    clock.advance(5 * DEMAND_TTL_MS);
    expect(filters()).toBe(FRAME_FILTER.all);
    demand.endWait(subscription);
    clock.advance(DEMAND_TTL_MS - 1);
    expect(filters()).toBe(FRAME_FILTER.all);
    clock.advance(1);
    expect(filters()).toBe(0);
  });

  it('can rise again after it fell', () => {
    demand.subscribe(ALL);
    clock.advance(2 * DEMAND_TTL_MS);
    demand.subscribe(KEYFRAMES);
    expect(filters()).toBe(FRAME_FILTER.keyframes);
    clock.advance(DEMAND_TTL_MS);
    expect(filters()).toBe(0);
  });

  it('has one timer for any number of calls', () => {
    for (let call = 0; call < 1000; call++) {
      demand.subscribe(call % 2 === 0 ? KEYFRAMES : ALL);
      clock.advance(20);
    }
    expect(clock.pendingTimers).toBe(1);
  });

  it('ends with the camera', () => {
    demand.subscribe(ALL);
    demand.close();
    expect(filters()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives each interval its own filter, and equal intervals the same one', () => {
    expect(demand.subscribe(everyMs(500)).frameFilter).toBe(intervalFilter(0));
    expect(demand.subscribe(everyMs(1000)).frameFilter).toBe(intervalFilter(1));
    expect(demand.subscribe(everyMs(500)).frameFilter).toBe(intervalFilter(0));
    expect([intervalMs(0), intervalMs(1), intervalMs(2)]).toEqual([500, 1000, 0]);
    expect(filters()).toBe(intervalFilter(0) | intervalFilter(1));
  });

  it('reuses the filter of an interval without subscriptions, and refuses more intervals than there are filters', () => {
    for (let index = 0; index < FRAME_FILTER.intervals; index += 1) demand.subscribe(everyMs(100 + index));
    expect(() => demand.subscribe(everyMs(999))).toThrow(/8 different intervals/);
    clock.advance(DEMAND_TTL_MS);
    expect(demand.subscribe(everyMs(999)).frameFilter).toBe(intervalFilter(0));
    expect(intervalMs(0)).toBe(999);
  });

  it('gives each output format its own output, and keeps output 0', () => {
    expect([
      demand.subscribe(ALL).output,
      demand.subscribe(jpeg(640)).output,
      demand.subscribe(jpeg(320)).output,
    ]).toEqual([0, 1, 2]);
    expect(demand.subscribe({ ...jpeg(640), keyframesOnly: true }).output).toBe(1);
    expect(filters(1)).toBe(FRAME_FILTER.all | FRAME_FILTER.keyframes);
    expect(control.getI32(CONTROL.outputsI32 + (2 * OUTPUT.bytes) / 4 + OUTPUT.widthI32)).toBe(320);
  });

  it('reuses the output that was idle for longest, with a new serial so that its old frames are not used', () => {
    for (let width = 1; width < OUTPUT.count; width += 1) demand.subscribe(jpeg(100 * width));
    expect(() => demand.subscribe(jpeg(999))).toThrow(/16 different sizes or formats/);
    clock.advance(DEMAND_TTL_MS - 1);
    demand.subscribe(jpeg(100));
    clock.advance(1);
    expect(() => demand.subscribe(jpeg(999))).toThrow(/try again later/);
    clock.advance(1000);
    expect(demand.subscribe(jpeg(999))).toMatchObject({ output: 2, serial: 2 });
    expect(demand.subscribe(jpeg(300))).toMatchObject({ output: 3, serial: 1 });
  });

  it('ignores the end of a wait whose subscription no longer exists', () => {
    const subscription = demand.subscribe(jpeg(100));
    demand.close();
    demand.beginWait(subscription);
    demand.endWait(subscription);
    expect(filters(1)).toBe(0);
  });
});

describe('the capture loop', () => {
  let wakes: number;

  beforeEach(() => {
    wakes = 0;
    demand = new Demand(control, clock, () => {
      wakes += 1;
    });
  });

  it('is woken when the demand rises, and not when it stays', () => {
    control.setI32(CONTROL.fpsMilliI32, 25_000);
    demand.subscribe(ALL);
    demand.subscribe(ALL);
    clock.advance(1000);
    expect(wakes).toBe(1);
  });

  it('is woken a second time while the frame rate is not known', () => {
    demand.subscribe(ALL);
    expect(wakes).toBe(1);
    clock.advance(1000);
    expect(wakes).toBe(2);
  });

  it('is not woken after the camera was removed', () => {
    demand.subscribe(ALL);
    demand.close();
    clock.advance(1000);
    expect(wakes).toBe(1);
  });
});
