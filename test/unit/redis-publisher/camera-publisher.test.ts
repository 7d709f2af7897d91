import { beforeEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../../src/base/clock.js';
import { CameraPublisher } from '../../../src/redis-publisher/camera-publisher.js';
import { CONTROL, FRAME_FILTER } from '../../../src/gen/ring-layout.js';
import { Control } from '../../../src/rings/control.js';
import { pause, waitFor } from '../../support/wait.js';
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
let asked: Storing[];
let aheadMs: number;
let publisher: CameraPublisher;

beforeEach(() => {
  control = Control.create();
  ring = new FakeFrameRing(control);
  // Main does so while a camera is published.
  control.addI32(CONTROL.frameWaitersI32, 1);
  away = false;
  asked = [];
  aheadMs = 0;
  publisher = new CameraPublisher(
    { id: 7, camera: 'one', control: control.buffer },
    {
      copyFromSlot: fakeCopyFromSlot,
      clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs },
      isAway: () => away,
      store: (camera, message) =>
        new Promise((resolve, reject) => {
          asked.push({ camera, bytes: message.length, done: resolve, failed: reject });
        }),
    },
  );
  publisher.setRing(ring.buffer);
});

/** So many frames were given to Redis, the last one a moment ago. */
async function given(count: number): Promise<Storing> {
  await waitFor(`frame ${count}`, BOUND_MS, () => asked.length >= count);
  expect(asked).toHaveLength(count);
  const last = asked.at(-1);
  if (last === undefined) throw new Error('none was given');
  return last;
}

async function published(count: number): Promise<void> {
  await waitFor(`${count} published`, BOUND_MS, () => publisher.progress.published === count);
}

describe('a publisher of frames', () => {
  it('publishes nothing until it is told to, and then the frame that is live', async () => {
    ring.publish({ ageMs: 60_000 });
    await pause(0);
    expect(asked).toEqual([]);
    ring.publish();
    publisher.publish(FRAME_FILTER.all);
    const { camera, bytes } = await given(1);
    expect({ camera, bytes }).toEqual({ camera: 'one', bytes: 64 });
  });

  it('publishes no frame that has grown old', async () => {
    ring.publish({ ageMs: 60_000 });
    publisher.publish(FRAME_FILTER.all);
    await pause(0);
    expect(asked).toEqual([]);
  });

  it('gives Redis each frame in turn while it keeps up', async () => {
    publisher.publish(FRAME_FILTER.all);
    for (let count = 1; count <= 20; count += 1) {
      ring.publish();
      (await given(count)).done();
      await published(count);
    }
    expect(publisher.progress).toEqual({ id: 7, published: 20, dropped: 0, message: '' });
  });

  it('keeps one frame for a slow Redis, then gives it the newest, and counts what it dropped', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    const slow = await given(1);
    for (let count = 0; count < 10; count += 1) {
      ring.publish();
      await pause(1);
    }
    expect(asked).toHaveLength(1);
    slow.done();
    (await given(2)).done();
    await published(2);
    expect(publisher.progress).toMatchObject({ dropped: 9 });
  });

  it('counts on while a frozen Redis takes nothing for hours', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    await given(1);
    for (let count = 0; count < 150; count += 1) {
      ring.publish();
      await pause(0);
    }
    expect(asked).toHaveLength(1);
    await waitFor('them to be counted', BOUND_MS, () => publisher.progress.dropped > 0);
  });

  it('publishes only frames of the classes that are wanted', async () => {
    publisher.publish(FRAME_FILTER.keyframes);
    ring.publish();
    ring.publish();
    await pause(1);
    expect(asked).toEqual([]);
    ring.publish({ keyframe: true });
    (await given(1)).done();
    publisher.publish(FRAME_FILTER.keyframes | (1 << FRAME_FILTER.firstInterval));
    ring.publish({ intervals: 1 });
    await given(2);
  });

  it('stops when nothing is wanted any more, and goes on with the next frame when it is', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    (await given(1)).done();
    await published(1);
    publisher.publish(0);
    await pause(0);
    ring.publish();
    await pause(1);
    expect(asked).toHaveLength(1);
    publisher.publish(FRAME_FILTER.all);
    await given(2);
  });

  it('says why Redis refuses its frames, and leaves it alone for a while', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    (await given(1)).failed(new Error('WRONGTYPE of key'));
    await waitFor('the reason', BOUND_MS, () => publisher.progress.message.includes('WRONGTYPE of key'));
    ring.publish();
    await pause(1);
    expect(asked).toHaveLength(1);
    aheadMs = 5000;
    ring.publish();
    (await given(2)).done();
    await published(1);
    expect(publisher.progress.message).toBe('');
  });

  it('copies nothing for a Redis that is away, and does not take that for a refusal', async () => {
    publisher.publish(FRAME_FILTER.all);
    ring.publish();
    const lost = await given(1);
    away = true;
    lost.failed(new Error('Disconnects client'));
    ring.publish();
    await pause(1);
    expect(asked).toHaveLength(1);
    expect(publisher.progress.message).toBe('');
    away = false;
    ring.publish();
    await given(2);
  });
});
