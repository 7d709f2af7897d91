import { afterAll, beforeAll, expect, it } from 'vitest';
import { redisStatus, streamNumbers } from '../support/redis-publisher.js';
import { RedisServer } from '../support/redis-server.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';
import { record, round } from './report.js';
import { maxLate } from './witness.js';
import { StreamWatch } from './stream-watch.js';

const CAMERA = 'one';
const BOUND_MS = 30_000;

let scene: FarmScene;
let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  const config = { redis: { connection: redis.connection, publish_frames: 'all' } };
  scene = await FarmScene.start({ [CAMERA]: 'h264-640x480-25-g50' }, { config });
});

afterAll(async () => {
  await scene.dispose();
  await redis.dispose();
});

/** Waits until the status reports that Redis is away, with this sentence. Returns the time in seconds. */
async function away(sentence: RegExp): Promise<number> {
  const startMs = performance.now();
  await waitFor(`the status to report ${String(sentence)}`, BOUND_MS, async () => {
    const { connected, message } = await redisStatus(scene.proxy);
    return !connected && sentence.test(message ?? '');
  });
  return (performance.now() - startMs) / 1000;
}

/** Waits until Redis is connected and frames arrive again. Returns the time in seconds. */
async function back(): Promise<number> {
  const startMs = performance.now();
  await waitFor('a connection', BOUND_MS, async () => (await redisStatus(scene.proxy)).connected);
  const numbers = await streamNumbers(await redis.client(), CAMERA, 12);
  expect(numbers).not.toContain('torn');
  return (performance.now() - startMs) / 1000;
}

/** The states in the events of a camera, after all events have been written. */
async function eventsOf(camera: string): Promise<(string | undefined)[]> {
  await waitFor('the events', BOUND_MS, async () => (await redisStatus(scene.proxy)).events.waiting === 0);
  const entries = (await (await redis.client()).xRange('chrysproxy:events', '-', '+')) ?? [];
  return entries.filter(({ message }) => message['camera'] === camera).map(({ message }) => message['state']);
}

it('D5: a Redis that is stopped, frozen, flushed and started again disturbs no other part', async () => {
  await back();
  const watch = await StreamWatch.start(scene.proxy, CAMERA);
  const seconds: number[] = [];

  await redis.stop();
  await away(/ is away: /);
  // Events during the outage are written later.
  await scene.proxy.addCamera('meanwhile', scene.farm.url(CAMERA));
  await scene.proxy.removeCamera('meanwhile');
  await redis.restart();
  seconds.push(await back());
  expect(await eventsOf('meanwhile')).toEqual(['added', 'removed']);

  await redis.flush();
  seconds.push(await back());

  redis.freeze();
  const detectionS = await away(/it has not answered for 5 s/);
  redis.thaw();
  seconds.push(await back());

  const testimony = await watch.stop();
  const { events: counts } = await redisStatus(scene.proxy);

  const fault = 'Redis stopped and started, flushed, frozen and thawed, while all frames are published';
  record({
    row: 'D5',
    fault,
    figure: 'maximum s until frames are published again',
    value: round(Math.max(...seconds)),
    promise: '≤ 15',
    others: testimony,
  });
  record({
    row: 'D5',
    fault,
    figure: 's until the status reports the frozen Redis',
    value: round(detectionS),
    promise: '≤ 10',
  });
  expect(Math.max(...seconds)).toBeLessThanOrEqual(15);
  expect(detectionS).toBeLessThanOrEqual(10);
  expect(testimony).toMatchObject({ notPublished: 0, repeated: 0, torn: 0, backward: 0 });
  expect(testimony.lost).toBeLessThanOrEqual(maxLate(testimony.starvedMs));
  expect(counts).toMatchObject({ waiting: 0, lost: 0 });
});
