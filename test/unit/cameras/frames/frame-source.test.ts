import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemClock } from '../../../../src/base/clock.js';
import { Demand } from '../../../../src/cameras/frames/demand.js';
import { RingFrameSource } from '../../../../src/cameras/frames/frame-source.js';
import type { FrameQuery, FrameRef } from '../../../../src/cameras/types.js';
import { CONTROL, FRAME_FILTER, OUTPUT } from '../../../../src/gen/ring-layout.js';
import { Control } from '../../../../src/rings/control.js';
import { FrameReader } from '../../../../src/rings/frame-reader.js';
import { ANY_FRAME, everyMs, KEYFRAMES } from '../../../support/frame-options.js';
import { waitFor } from '../../../support/wait.js';
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

describe('want', () => {
  it('raises the demand for somebody who reads the ring himself, and says what to look for there', () => {
    const want = source.subscribe(KEYFRAMES);
    expect(want).toEqual({ output: 0, frameFilter: FRAME_FILTER.keyframes, serial: 1 });
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

  it('ends the wait of its callers, and says size, limit and what to do', async () => {
    const frame = next({ ...ANY, waitMs: 60_000 });
    refuse();
    expect(await frame).toBeUndefined();
    const refusal = source.refusal(ANY.options.outputFormat);
    expect(refusal?.kind).toBe('resource_exhausted');
    expect(refusal?.message).toContain('5472x3648 takes 59885568 bytes as BGR24');
    expect(refusal?.message).toContain('width=1920');
    expect(source.refusal({ ...ANY.options.outputFormat, width: 1920 })).toBeUndefined();
  });

  it('is tried again when it is wanted anew', () => {
    control.setI32(TOO_LARGE, (5472 << 16) | 3648);
    source.subscribe(KEYFRAMES);
    expect(source.refusal(ANY.options.outputFormat)).toBeUndefined();
  });
});

describe('a ring that main learns of after its first frame was announced', () => {
  it('gives that frame to a caller who waits, although no other frame comes', async () => {
    const late = new FrameReader(fakeCopyFromSlot);
    const slow = new RingFrameSource(control, [late], demand, systemClock);
    const frame = new Promise<FrameRef | undefined>((resolve) => {
      slow.request({ ...ANY, waitMs: 5000 }, resolve);
    });
    const sequence = ring.publish();
    // The announcement is handled before the message that brings the ring.
    await new Promise((resolve) => setTimeout(resolve, 50));
    late.setRing(ring.buffer);
    slow.ringChanged();
    expect((await frame)?.frameId).toBe(sequence);
    slow.close();
  });
});

describe('request', () => {
  it('leaves the loop notifying for others who wait on the same ring', async () => {
    control.addI32(CONTROL.frameWaitersI32, 1);
    const frame = next(ANY);
    ring.publish();
    await frame;
    expect(waiters()).toBe(1);
  });

  it('gives at once what is newer than what the caller had', async () => {
    ring.publish();
    ring.publish();
    expect((await next(ANY))?.frameId).toBe(2);
    expect(await next({ ...ANY, after: 2, waitMs: 0 })).toBeUndefined();
  });

  it('waits for the next frame and makes the loop notify only meanwhile', async () => {
    const frame = next(ANY);
    expect(waiters()).toBe(1);
    ring.publish();
    expect((await frame)?.frameId).toBe(1);
    expect(waiters()).toBe(0);
  });

  it('gives nothing when none comes in time', async () => {
    expect(await next({ ...ANY, waitMs: 20 })).toBeUndefined();
    expect(waiters()).toBe(0);
  });

  it('serves all who wait with one frame', async () => {
    const frames = Array.from({ length: 100 }, () => next(ANY));
    ring.publish();
    expect((await Promise.all(frames)).map((frame) => frame?.frameId)).toEqual(frames.map(() => 1));
    expect(waiters()).toBe(0);
  });

  it('lets a keyframe caller wait for a keyframe, while others get theirs', async () => {
    const keyframe = next({ ...ANY, options: KEYFRAMES });
    const any = next(ANY);
    ring.publish();
    expect((await any)?.frameId).toBe(1);
    expect(waiters()).toBe(1);
    ring.publish({ keyframe: true });
    expect((await keyframe)?.frameId).toBe(2);
  });

  it('gives every frame in turn to a caller who comes back each time', async () => {
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

  it('does not miss a frame that comes between its look into the ring and its sleep', async () => {
    const find = reader.find.bind(reader);
    vi.spyOn(reader, 'find').mockImplementationOnce((query) => {
      const nothing = find(query);
      // Nobody waits yet, so this is not notified.
      ring.publish();
      return nothing;
    });
    expect((await next(ANY))?.frameId).toBe(1);
  });

  it('does not miss such a frame either while it still sleeps for an earlier caller', async () => {
    expect(await next({ ...ANY, waitMs: 20 })).toBeUndefined();
    const find = reader.find.bind(reader);
    vi.spyOn(reader, 'find').mockImplementationOnce((query) => {
      const nothing = find(query);
      ring.publish();
      return nothing;
    });
    expect((await next(ANY))?.frameId).toBe(1);
  });

  it('forgets a caller who left, and never calls it', () => {
    const settle = vi.fn();
    const end = source.request(ANY, settle);
    expect(waiters()).toBe(1);
    end();
    end();
    expect(waiters()).toBe(0);
    source.close();
    expect(settle).not.toHaveBeenCalled();
  });

  it('refuses the 4097th caller who would wait', async () => {
    const waiting = Array.from({ length: 4096 }, () => next(ANY));
    expect(() => source.request(ANY, vi.fn())).toThrow(
      expect.objectContaining({ kind: 'resource_exhausted' }) as Error,
    );
    source.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
    expect(waiters()).toBe(0);
  });

  it('gives no frame of long ago: the ring keeps what was decoded last', async () => {
    ring.publish({ ageMs: 60_000 });
    expect(await next({ ...ANY, waitMs: 0 })).toBeUndefined();
  });

  it('raises the demand of its class', async () => {
    const wants = (): number => control.getI32(CONTROL.outputsI32 + OUTPUT.filtersI32);
    await next({ ...ANY, options: KEYFRAMES, waitMs: 0 });
    expect(wants()).toBe(FRAME_FILTER.keyframes);
    await next({ ...ANY, waitMs: 0 });
    expect(wants()).toBe(FRAME_FILTER.keyframes | FRAME_FILTER.all);
  });

  it('gives a caller with an interval only what is due for it', async () => {
    const terms = everyMs(1000);
    const frame = next({ ...ANY, options: terms });
    ring.publish();
    ring.publish({ intervals: 1 });
    ring.publish();
    expect((await frame)?.frameId).toBe(2);
    expect(await next({ ...ANY, options: terms, after: 2, waitMs: 0 })).toBeUndefined();
  });

  it('gives no frame whose look the output had before', async () => {
    ring.publish();
    ring.publish({ serial: 7 });
    expect((await next({ ...ANY, waitMs: 0 }))?.frameId).toBe(1);
  });

  it('leaves damaged frames out for who does not want them', async () => {
    ring.publish();
    ring.publish({ corrupt: true });
    expect((await next({ ...ANY, waitMs: 0 }))?.frameId).toBe(2);
    const terms = { ...ANY.options, withholdCorrupt: true };
    expect((await next({ ...ANY, options: terms, waitMs: 0 }))?.frameId).toBe(1);
  });

  it('gives none that is older than the caller wants', async () => {
    ring.publish({ ageMs: 300 });
    expect((await next({ ...ANY, waitMs: 0 }))?.frameId).toBe(1);
    expect(await next({ ...ANY, maxAgeMs: 200, waitMs: 0 })).toBeUndefined();
  });
});

describe('snapshot', () => {
  const wanted = (): number => control.getI32(CONTROL.snapshotWantedI32);

  it('takes a frame that was published just now', async () => {
    ring.publish();
    expect((await source.snapshot(5000))?.frameId).toBe(1);
    expect(wanted()).toBe(0);
  });

  it('has the newest picture decoded once, without raising the demand', async () => {
    ring.publish({ ageMs: 60_000 });
    const snapshot = source.snapshot(5000);
    expect(wanted()).toBe(1);
    ring.publish();
    ring.serveSnapshots(1);
    expect((await snapshot)?.frameId).toBe(2);
    expect(control.getI32(CONTROL.outputsI32 + OUTPUT.filtersI32)).toBe(0);
    expect(waiters()).toBe(0);
  });

  it('asks again while the stream has nothing that can be decoded', async () => {
    const snapshot = source.snapshot(10_000);
    ring.serveSnapshots(1);
    await waitFor('a second request', 15_000, () => wanted() === 2);
    ring.publish();
    ring.serveSnapshots(2);
    expect((await snapshot)?.frameId).toBe(1);
  });

  it('gives nothing when the camera does not answer in time', async () => {
    ring.publish({ ageMs: 60_000 });
    expect(await source.snapshot(20)).toBeUndefined();
    expect(waiters()).toBe(0);
  });

  it('ends with its signal and leaves no listener on it', async () => {
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
  it('nobody waits any more', async () => {
    const waiting = [next(ANY), source.snapshot(5000)];
    source.close();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await next(ANY)).toBeUndefined();
  });
});
