import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemClock } from '../../../../src/base/clock.js';
import { Demand } from '../../../../src/cameras/frames/demand.js';
import { RingFrameSource } from '../../../../src/cameras/frames/frame-source.js';
import type { FrameQuery, FrameRef } from '../../../../src/cameras/types.js';
import { CONTROL, FRAME_FILTER, OUTPUT } from '../../../../src/gen/ring-layout.js';
import { Control } from '../../../../src/rings/control.js';
import { FrameReader } from '../../../../src/rings/frame-reader.js';
import { ANY_FRAME, everyMs, KEYFRAMES } from '../../../support/frame-options.js';
import { pause, waitFor } from '../../../support/wait.js';
import { FakeFrameRing, fakeCopyFromSlot } from '../../fixtures/frame-ring.js';

let control: Control;
let ring: FakeFrameRing;
let reader: FrameReader;
let demand: Demand;
let source: RingFrameSource;

beforeEach(() => {
  control = Control.create();
  ring = new FakeFrameRing(control);
  reader = new FrameReader(fakeCopyFromSlot);
  reader.setRing(ring.buffer);
  demand = new Demand(control, systemClock);
  source = new RingFrameSource(control, [reader], demand, systemClock);
});

afterEach(() => {
  source.close();
  demand.close();
});

const ANY = ANY_FRAME;
const next = (query: FrameQuery): Promise<FrameRef | undefined> =>
  new Promise((resolve) => void source.request(query, resolve));
const waiters = (): number => control.getI32(CONTROL.frameWaitersI32);

describe('subscribe', () => {
  it('raises the demand for a caller that reads the ring directly, and returns what to look for there', () => {
    const subscription = source.subscribe(KEYFRAMES);
    expect(subscription).toEqual({ output: 0, frameFilter: FRAME_FILTER.keyframes, serial: 1 });
    expect(control.getI32(CONTROL.outputsI32 + OUTPUT.filtersI32)).toBe(FRAME_FILTER.keyframes);
    expect(waiters()).toBe(0);
  });
});

describe('a picture that does not fit into a message', () => {
  const TOO_LARGE = CONTROL.outputsI32 + OUTPUT.tooLargeI32;
  const refuse = (): void => {
    control.setI32(TOO_LARGE, (5472 << 16) | 3648);
    control.addI32(CONTROL.frameEventI32, 1);
    Atomics.notify(control.i32, CONTROL.frameEventI32);
  };

  it('ends the wait of its callers, with an error that has size, limit and advice', async () => {
    const frame = next({ ...ANY, waitMs: 60_000 });
    refuse();
    expect(await frame).toBeUndefined();
    const refusal = source.refusal(ANY.options.outputFormat);
    expect(refusal?.kind).toBe('resource_exhausted');
    expect(refusal?.message).toContain('5472x3648 takes 59885568 bytes as BGR24');
    expect(refusal?.message).toContain('width=1920');
    expect(source.refusal({ ...ANY.options.outputFormat, width: 1920 })).toBeUndefined();
  });

  it('is tried again after a new subscription', () => {
    control.setI32(TOO_LARGE, (5472 << 16) | 3648);
    source.subscribe(KEYFRAMES);
    expect(source.refusal(ANY.options.outputFormat)).toBeUndefined();
  });
});

describe('a ring that the main thread gets after its first frame was notified', () => {
  it('delivers that frame to a waiting caller, although no other frame comes', async () => {
    const late = new FrameReader(fakeCopyFromSlot);
    const slow = new RingFrameSource(control, [late], demand, systemClock);
    const frame = new Promise<FrameRef | undefined>((resolve) => {
      slow.request({ ...ANY, waitMs: 5000 }, resolve);
    });
    const frameId = ring.publish();
    // The notification is handled before the message that brings the ring.
    await pause(50);
    late.setRing(ring.buffer);
    slow.ringChanged();
    expect((await frame)?.frameId).toBe(frameId);
    slow.close();
  });
});

describe('request', () => {
  it('does not end the notifications for other readers of the same ring', async () => {
    control.addI32(CONTROL.frameWaitersI32, 1);
    const frame = next(ANY);
    ring.publish();
    await frame;
    expect(waiters()).toBe(1);
  });

  it('returns a newer frame than the caller had at once', async () => {
    ring.publish();
    ring.publish();
    expect((await next(ANY))?.frameId).toBe(2);
    expect(await next({ ...ANY, after: 2, waitMs: 0 })).toBeUndefined();
  });

  it('waits for the next frame, and lets the capture loop notify only while it waits', async () => {
    const frame = next(ANY);
    expect(waiters()).toBe(1);
    ring.publish();
    expect((await frame)?.frameId).toBe(1);
    expect(waiters()).toBe(0);
  });

  it('returns nothing when no frame comes in time', async () => {
    expect(await next({ ...ANY, waitMs: 20 })).toBeUndefined();
    expect(waiters()).toBe(0);
  });

  it('serves all waiting callers with one frame', async () => {
    const frames = Array.from({ length: 100 }, () => next(ANY));
    ring.publish();
    expect((await Promise.all(frames)).map((frame) => frame?.frameId)).toEqual(frames.map(() => 1));
    expect(waiters()).toBe(0);
  });

  it('lets a caller of keyframes wait for a keyframe while others get their frames', async () => {
    const keyframe = next({ ...ANY, options: KEYFRAMES });
    const any = next(ANY);
    ring.publish();
    expect((await any)?.frameId).toBe(1);
    expect(waiters()).toBe(1);
    ring.publish({ keyframe: true });
    expect((await keyframe)?.frameId).toBe(2);
  });

  it('gives every frame in turn to a caller that returns after each frame', async () => {
    const seen: number[] = [];
    let after = 0;
    for (let count = 1; count <= 50; count += 1) {
      const frame = next({ ...ANY, after, sinceLastMs: 0 });
      ring.publish();
      after = (await frame)?.frameId ?? 0;
      seen.push(after);
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });

  it('does not miss a frame that is published between its search and its sleep', async () => {
    const find = reader.find.bind(reader);
    vi.spyOn(reader, 'find').mockImplementationOnce((query) => {
      const nothing = find(query);
      // No caller waits yet, so this is not notified.
      ring.publish();
      return nothing;
    });
    expect((await next(ANY))?.frameId).toBe(1);
  });

  it('does not miss such a frame while it still sleeps for an earlier caller', async () => {
    expect(await next({ ...ANY, waitMs: 20 })).toBeUndefined();
    const find = reader.find.bind(reader);
    vi.spyOn(reader, 'find').mockImplementationOnce((query) => {
      const nothing = find(query);
      ring.publish();
      return nothing;
    });
    expect((await next(ANY))?.frameId).toBe(1);
  });

  it('removes a caller that ends its wait, and never calls it', () => {
    const settle = vi.fn();
    const end = source.request(ANY, settle);
    expect(waiters()).toBe(1);
    end();
    end();
    expect(waiters()).toBe(0);
    source.close();
    expect(settle).not.toHaveBeenCalled();
  });

  it('refuses the 4097th waiting caller', async () => {
    const waiting = Array.from({ length: 4096 }, () => next(ANY));
    expect(() => source.request(ANY, vi.fn())).toThrow(
      expect.objectContaining({ kind: 'resource_exhausted' }) as Error,
    );
    source.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
    expect(waiters()).toBe(0);
  });

  it('does not return a frame of long ago, although the ring still has it', async () => {
    ring.publish({ ageMs: 60_000 });
    expect(await next({ ...ANY, waitMs: 0 })).toBeUndefined();
  });

  it('raises the demand of its frame filter', async () => {
    const filters = (): number => control.getI32(CONTROL.outputsI32 + OUTPUT.filtersI32);
    await next({ ...ANY, options: KEYFRAMES, waitMs: 0 });
    expect(filters()).toBe(FRAME_FILTER.keyframes);
    await next({ ...ANY, waitMs: 0 });
    expect(filters()).toBe(FRAME_FILTER.keyframes | FRAME_FILTER.all);
  });

  it('gives a caller with an interval only the frames that are due', async () => {
    const options = everyMs(1000);
    const frame = next({ ...ANY, options });
    ring.publish();
    ring.publish({ intervals: 1 });
    ring.publish();
    expect((await frame)?.frameId).toBe(2);
    expect(await next({ ...ANY, options, after: 2, waitMs: 0 })).toBeUndefined();
  });

  it('does not return a frame in the format that the output had before', async () => {
    ring.publish();
    ring.publish({ serial: 7 });
    expect((await next({ ...ANY, waitMs: 0 }))?.frameId).toBe(1);
  });

  it('leaves out damaged frames for a caller that withholds them', async () => {
    ring.publish();
    ring.publish({ corrupt: true });
    expect((await next({ ...ANY, waitMs: 0 }))?.frameId).toBe(2);
    const options = { ...ANY.options, withholdCorrupt: true };
    expect((await next({ ...ANY, options, waitMs: 0 }))?.frameId).toBe(1);
  });

  it('does not return a frame that is older than maxAgeMs', async () => {
    ring.publish({ ageMs: 300 });
    expect((await next({ ...ANY, waitMs: 0 }))?.frameId).toBe(1);
    expect(await next({ ...ANY, maxAgeMs: 200, waitMs: 0 })).toBeUndefined();
  });
});

describe('snapshot', () => {
  const wanted = (): number => control.getI32(CONTROL.snapshotWantedI32);

  it('returns a frame that was published just now', async () => {
    ring.publish();
    expect((await source.snapshot(5000))?.frameId).toBe(1);
    expect(wanted()).toBe(0);
  });

  it('lets the capture loop decode the newest picture once, without raising the demand', async () => {
    ring.publish({ ageMs: 60_000 });
    const snapshot = source.snapshot(5000);
    expect(wanted()).toBe(1);
    ring.publish();
    ring.serveSnapshots(1);
    expect((await snapshot)?.frameId).toBe(2);
    expect(control.getI32(CONTROL.outputsI32 + OUTPUT.filtersI32)).toBe(0);
    expect(waiters()).toBe(0);
  });

  it('is requested again while the stream has no keyframe yet', async () => {
    const snapshot = source.snapshot(10_000);
    ring.serveSnapshots(1);
    await waitFor('a second request', 15_000, () => wanted() === 2);
    ring.publish();
    ring.serveSnapshots(2);
    expect((await snapshot)?.frameId).toBe(1);
  });

  it('returns nothing when the camera does not answer in time', async () => {
    ring.publish({ ageMs: 60_000 });
    expect(await source.snapshot(20)).toBeUndefined();
    expect(waiters()).toBe(0);
  });

  it('ends when its signal aborts, and leaves no listener on it', async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const served = source.snapshot(5000, controller.signal);
    ring.publish();
    ring.serveSnapshots(1);
    await served;
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
    ring.publish({ ageMs: 60_000 });
    const aborted = source.snapshot(5000, controller.signal);
    controller.abort();
    expect(await aborted).toBeUndefined();
    expect(waiters()).toBe(0);
  });

  it('works when the counts wrap around', async () => {
    control.setI32(CONTROL.snapshotWantedI32, 2 ** 31 - 1);
    control.setI32(CONTROL.snapshotDoneI32, 2 ** 31 - 1);
    const snapshot = source.snapshot(5000);
    expect(wanted()).toBe(-(2 ** 31));
    ring.publish();
    ring.serveSnapshots(-(2 ** 31));
    expect((await snapshot)?.frameId).toBe(1);
  });
});

describe('after close', () => {
  it('no caller waits', async () => {
    const waiting = [next(ANY), source.snapshot(5000)];
    source.close();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await next(ANY)).toBeUndefined();
  });
});
