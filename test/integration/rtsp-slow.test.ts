/** Cameras that send rarely or late run. Dead cameras are detected. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import { take } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 90_000;

/** All pictures are keyframes, as with cameras that send a picture every few seconds. */
const KEYFRAMES = 'h264-320x240-25-g1-4s';

const CAMERAS = {
  'every-4s': { video: { clip: KEYFRAMES, fps: 1 / 4 } },
  'every-7s': { video: { clip: KEYFRAMES, fps: 1 / 7 }, session: { timeoutS: 10 } },
  'every-7s-declared': { video: { clip: KEYFRAMES, fps: 1 / 7 }, sdp: { framerate: 0.143 } },
  'first-after-12s': { video: { firstPictureAfterMs: 12_000 } },
  'slow-answers': { rtsp: { answerDelayMs: 700 } },
  dies: {},
  'closes-politely': {},
  resets: {},
} satisfies Record<string, CameraOptions>;
type Name = keyof typeof CAMERAS;

let scene: FakeCameraScene<Name>;

beforeAll(async () => {
  scene = await FakeCameraScene.start<Name>(CAMERAS);
});
afterAll(async () => {
  await scene.dispose();
});

describe('a camera that fails while it plays', () => {
  it('is detected as stalled, and runs again when it is back', async () => {
    await scene.until('dies', 'has a usual gap', ({ stats }) => stats.packets > 50);
    await scene.cameras.freeze('dies');
    await scene.failed('dies', 'stalled');
    await scene.cameras.thaw('dies');
    await scene.until('dies', 'runs again', ({ phase }) => phase === 'running');
  });

  it.each<[Name, boolean]>([
    ['closes-politely', false],
    ['resets', true],
  ])('runs again after its connection ended: %s', async (name, reset) => {
    await scene.running(name);
    const { plays } = await scene.counts(name);
    await scene.cameras.disconnect(name, { reset });
    await waitFor('the next PLAY', BOUND_MS, async () => (await scene.counts(name)).plays > plays);
    await scene.running(name);
    expect((await scene.state(name)).stats.reconnects).toBe(1);
  });

  it('runs again after it ended its sessions', async () => {
    const { plays } = await scene.counts('closes-politely');
    await scene.cameras.endSessions('closes-politely');
    await waitFor('the next PLAY', BOUND_MS, async () => (await scene.counts('closes-politely')).plays > plays);
  });
});

describe('a camera that sends rarely or late', () => {
  beforeAll(async () => {
    for (const name of ['every-7s', 'every-7s-declared'] as const) {
      await scene.until(name, 'has sent 4 pictures', ({ stats }) => stats.packets >= 4, BOUND_MS);
    }
    await scene.running('first-after-12s', BOUND_MS);
  });

  it.each<Name>(['every-4s', 'every-7s', 'every-7s-declared', 'first-after-12s', 'slow-answers'])(
    'runs without a reconnection: %s',
    async (name) => {
      const { phase, stats, failing_streak } = await scene.state(name);
      expect({ phase, reconnects: stats.reconnects, failing_streak }).toEqual({
        phase: 'running',
        reconnects: 0,
        failing_streak: 0,
      });
      expect(await scene.counts(name)).toMatchObject({ plays: 1, expired: 0 });
      expect(stats.packets).toBeGreaterThan(0);
    },
  );

  it('gives its newest picture to a new caller, although the next one is seconds away', async () => {
    const before = await scene.state('every-7s');
    await scene.until('every-7s', 'gets a picture', ({ stats }) => stats.packets > before.stats.packets);
    const askedMs = Date.now();
    const frame = await scene.newClient().frame({ device_id: 'every-7s', wait_ms: 5000 });
    expect(frame.data.length).toBeGreaterThan(0);
    expect(frame.timestamp).toBeLessThanOrEqual(askedMs);
  });

  it('has each picture delivered before it sends the next one', async () => {
    const taken = await take(scene.newClient(), { device_id: 'every-4s', wait_ms: 6000 }, 3);
    // The first picture may be an older one.
    for (const { receivedMs, frame } of taken.slice(1)) expect(receivedMs - frame.timestamp).toBeLessThan(4000);
    expect(await scene.excess('every-4s')).toBe(0);
  });

  it('shows the stall limit in use', async () => {
    const { stats, learned } = await scene.state('every-7s');
    expect(stats.stall_limit_ms).toBeGreaterThanOrEqual(14_000);
    expect(learned?.usual_gap_ms).toBeGreaterThan(5000);
    const usual = await scene.state('slow-answers');
    expect(usual.stats.stall_limit_ms).toBeGreaterThanOrEqual(5000);
    expect(usual.stats.stall_limit_ms).toBeLessThan(14_000);
  });

  it('keeps the learned facts over a reconnection', async () => {
    const { plays } = await scene.counts('every-7s');
    await scene.cameras.disconnect('every-7s');
    await waitFor('the next PLAY', BOUND_MS, async () => (await scene.counts('every-7s')).plays > plays);
    const { stats } = await scene.until('every-7s', 'runs', ({ phase, stats: now }) => {
      return phase === 'running' && (now.stall_limit_ms ?? 0) > 0;
    });
    expect(stats.stall_limit_ms).toBeGreaterThanOrEqual(14_000);
  });
});
