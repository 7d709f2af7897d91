import { beforeEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../../src/base/clock.js';
import { CameraPublisher } from '../../../src/redis-publisher/camera-publisher.js';
import { CONTROL, FRAME_FILTER } from '../../../src/gen/ring-layout.js';
import { Control } from '../../../src/rings/control.js';
import { waitFor } from '../../support/wait.js';
import { FakeFrameRing, fakeCopyFromSlot } from '../fixtures/frame-ring.js';

const BOUND_MS = 15_000;

interface Storing {
  readonly camera: string;
  readonly bytes: number;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

let control: Control;
let ring: FakeFrameRing;
let away: boolean;
let stores: Storing[];
let aheadMs: number;
let publisher: CameraPublisher;

beforeEach(() => {
  control = Control.create();
  ring = new FakeFrameRing(control);
  // The main thread does this while a camera is published.
  control.addI32(CONTROL.frameWaitersI32, 1);
  away = false;
  stores = [];
  aheadMs = 0;
  publisher = new CameraPublisher(
    { id: 7, camera: 'one', control: control.buffer },
    {
      copyFromSlot: fakeCopyFromSlot,
      clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs },
      isAway: () => away,
      store: (camera, message) =>
        new Promise((resolve, reject) => {
          stores.push({ camera, bytes: message.length, done: resolve, failed: reject });
        }),
    },
  );
  publisher.setRing(ring.buffer);
});

/** Waits until the publisher has sent `count` frames to Redis, and returns the last one. */
async function stored(count: number): Promise<Storing> {
  await waitFor(`frame ${count}`, BOUND_MS, () => stores.length >= count);
  expect(stores).toHaveLength(count);
  return stores.at(-1)!;
}

/** Writes a frame into the ring and waits until the publisher, which listened before us, has seen its event. */
async function publishSeen(frame: Parameters<FakeFrameRing['publish']>[0] = {}): Promise<void> {
  const event = control.getI32(CONTROL.frameEventI32);
  const seen = Atomics.waitAsync(control.i32, CONTROL.frameEventI32, event);
  ring.publish(frame);
  await seen.value;
}

async function published(count: number): Promise<void> {
  await waitFor(`${count} published`, BOUND_MS, () => publisher.progress.published === count);
}

describe('CameraPublisher', () => {
  it('publishes nothing until publish is called, and then the live frame', async () => {
    await publishSeen({ ageMs: 60_000 });
    expect(stores).toEqual([]);
    ring.publish();
    publisher.publish(FRAME_FILTER.all);
    const { camera, bytes } = await stored(1);
    expect({ camera, bytes }).toEqual({ camera: 'one', bytes: 64 });
  });

  it('publishes no old frame', () => {
    ring.publish({ ageMs: 60_000 });
    publisher.publish(FRAME_FILTER.all);
    expect(stores).toEqual([]);
  });

  it('publishes every frame in order while Redis keeps up', async () => {
    publisher.publish(FRAME_FILTER.all);
    for (let count = 1; count <= 20; count += 1) {
      ring.publish();
      (await stored(count)).done();
      await published(count);
    }
    expect(publisher.progress).toEqual({ id: 7, published: 20, dropped: 0, message: '' });
  });

  it('publishes the newest frame after a slow one, and counts the dropped ones', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    const slow = await stored(1);
    for (let count = 0; count < 10; count += 1) {
      await publishSeen();
    }
    expect(stores).toHaveLength(1);
    slow.done();
    (await stored(2)).done();
    await published(2);
    expect(publisher.progress).toMatchObject({ dropped: 9 });
  });

  it('counts dropped frames while Redis is frozen', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    await stored(1);
    for (let count = 0; count < 150; count += 1) {
      await publishSeen();
    }
    expect(stores).toHaveLength(1);
    expect(publisher.progress.dropped).toBeGreaterThan(0);
  });

  it('publishes only frames that pass the filter', async () => {
    publisher.publish(FRAME_FILTER.keyframes);
    await publishSeen();
    await publishSeen();
    expect(stores).toEqual([]);
    ring.publish({ keyframe: true });
    (await stored(1)).done();
    publisher.publish(FRAME_FILTER.keyframes | (1 << FRAME_FILTER.firstInterval));
    ring.publish({ intervals: 1 });
    await stored(2);
  });

  it('stops when the filter is 0, and goes on with the next frame after that', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    (await stored(1)).done();
    await published(1);
    publisher.publish(0);
    await publishSeen();
    expect(stores).toHaveLength(1);
    publisher.publish(FRAME_FILTER.all);
    await stored(2);
  });

  it('reports why Redis refuses a frame, and pauses before the next one', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    (await stored(1)).failed(new Error('WRONGTYPE of key'));
    await waitFor('the reason', BOUND_MS, () => publisher.progress.message.includes('WRONGTYPE of key'));
    await publishSeen();
    expect(stores).toHaveLength(1);
    aheadMs = 5000;
    ring.publish();
    (await stored(2)).done();
    await published(1);
    expect(publisher.progress.message).toBe('');
  });

  it('stores nothing while Redis is away, and does not report that as a refusal', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    const lost = await stored(1);
    away = true;
    lost.failed(new Error('Disconnects client'));
    await publishSeen();
    expect(stores).toHaveLength(1);
    expect(publisher.progress.message).toBe('');
    away = false;
    ring.publish();
    await stored(2);
  });
});
