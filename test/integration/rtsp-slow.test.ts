/** Cameras that send seldom or late run; dead cameras are found. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { ImageClient } from '../support/grpc-client.js';
import { FakeCameraScene } from '../support/scene.js';
import { pause, waitFor } from '../support/wait.js';

const WATCHED_MS = 30_000;

/** All of its pictures are keyframes, as with cameras that send a picture every few seconds. */
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
let startMs: number;

beforeAll(async () => {
  startMs = performance.now();
  scene = await FakeCameraScene.start<Name>(CAMERAS);
});
afterAll(async () => {
  await scene.dispose();
});

describe('a camera that fails while it plays', () => {
  it('is found dead within a few of its usual gaps, and runs again when it is back', async () => {
    await scene.running('dies');
    await pause(3000);
    await scene.cameras.freeze('dies');
    const frozenMs = performance.now();
    await scene.failed('dies', 'stalled', 20_000);
    expect(performance.now() - frozenMs).toBeLessThan(12_000);
    await scene.cameras.thaw('dies');
    await scene.until('dies', 'runs again', ({ phase }) => phase === 'running', 30_000);
  });

  it.each<[Name, boolean]>([
    ['closes-politely', false],
    ['resets', true],
  ])('runs again after its connection ended: %s', async (name, reset) => {
    await scene.running(name);
    const { plays } = await scene.counts(name);
    await scene.cameras.disconnect(name, { reset });
    await waitFor('the next PLAY', 10_000, async () => (await scene.counts(name)).plays > plays);
    await scene.running(name);
    expect((await scene.state(name)).stats.reconnects).toBe(1);
  });

  it('runs again after it ended its sessions', async () => {
    const { plays } = await scene.counts('closes-politely');
    await scene.cameras.endSessions('closes-politely');
    await waitFor('the next PLAY', 15_000, async () => (await scene.counts('closes-politely')).plays > plays);
  });
});

describe('a camera that sends seldom or late', () => {
  beforeAll(async () => {
    await pause(Math.max(0, startMs + WATCHED_MS - performance.now()));
  });

  it.each<Name>(['every-4s', 'every-7s', 'every-7s-declared', 'first-after-12s', 'slow-answers'])(
    'runs without a single reconnection: %s',
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

  it('gives its newest picture at once, although the next one is seconds away', async () => {
    const client = new ImageClient(scene.proxy.grpcAddress, 'unary');
    try {
      const { pictures } = await scene.counts('every-7s');
      await waitFor('a picture to be sent', 9000, async () => (await scene.counts('every-7s')).pictures > pictures);
      await pause(500);
      const askedMs = Date.now();
      const frame = await client.frame({ device_id: 'every-7s', wait_ms: 5000 });
      expect(frame.data.length).toBeGreaterThan(0);
      expect(Date.now() - askedMs).toBeLessThan(2000);
      expect(frame.timestamp).toBeLessThan(askedMs);
    } finally {
      client.close();
    }
  });

  it('has each picture delivered when its last packet is there, and not with the next one', async () => {
    const client = new ImageClient(scene.proxy.grpcAddress, 'unary');
    try {
      const ages: number[] = [];
      while (ages.length < 3) {
        const frame = await client.frame({ device_id: 'every-4s', wait_ms: 6000 });
        if (frame.data.length > 0) ages.push(Date.now() - frame.timestamp);
      }
      // The first picture may have been there already.
      for (const age of ages.slice(1)) expect(age).toBeLessThan(1500);
      const [{ pictures }, { stats }] = await Promise.all([scene.counts('every-4s'), scene.state('every-4s')]);
      expect(stats.packets).toBeGreaterThanOrEqual(pictures - 1);
    } finally {
      client.close();
    }
  });

  it('shows the limit that is in force', async () => {
    const { stats, learned } = await scene.state('every-7s');
    expect(stats.stall_limit_ms).toBeGreaterThanOrEqual(14_000);
    expect(learned?.usual_gap_ms).toBeGreaterThan(5000);
    const usual = await scene.state('slow-answers');
    expect(usual.stats.stall_limit_ms).toBeGreaterThanOrEqual(5000);
    expect(usual.stats.stall_limit_ms).toBeLessThanOrEqual(7000);
  });

  it('keeps what was learnt over a reconnection', async () => {
    const { plays } = await scene.counts('every-7s');
    await scene.cameras.disconnect('every-7s');
    await waitFor('the next PLAY', 15_000, async () => (await scene.counts('every-7s')).plays > plays);
    const { stats } = await scene.until('every-7s', 'runs', ({ phase, stats: now }) => {
      return phase === 'running' && (now.stall_limit_ms ?? 0) > 0;
    });
    expect(stats.stall_limit_ms).toBeGreaterThanOrEqual(14_000);
  });
});
