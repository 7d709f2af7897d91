/** The data that other programs read in Redis, with a real Redis and a real proxy. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { Proxy } from '../support/proxy.js';
import { pythonRedisClient } from '../support/python.js';
import { redisStatus, streamNumbers } from '../support/redis-publisher.js';
import { RedisServer } from '../support/redis-server.js';
import { runCli } from '../support/cli.js';
import { waitFor } from '../support/wait.js';

const CLIP = 'h264-640x480-25-g50';
/** A keyframe every 0.4 s, which is every 10 frames. */
const SHORT_GROUPS = 'h264-640x480-25-g10';
const BOUND_MS = 20_000;

describe('a proxy that publishes on demand', () => {
  let farm: Farm;
  let redis: RedisServer;
  let proxy: Proxy;

  beforeAll(async () => {
    farm = await Farm.start({
      mounts: [
        { path: 'one', clip: CLIP },
        { path: 'two', clip: SHORT_GROUPS },
      ],
    });
    redis = await RedisServer.start();
    const options = { connection: redis.connection, publish_frames: 'demand', prefix: 'gate' };
    proxy = await Proxy.start({ config: { title: 'north gate', redis: options } });
    for (const name of ['one', 'two']) await proxy.addCamera(name, farm.url(name));
    for (const name of ['one', 'two']) await proxy.cameraIsRunning(name);
  });

  afterAll(async () => {
    await proxy.dispose();
    await redis.dispose();
    await farm.stop();
  });

  it('decodes and publishes nothing without a request', async () => {
    await waitFor('a connection', BOUND_MS, async () => (await redisStatus(proxy)).connected);
    expect((await proxy.camera('one')).chrysproxy.stats.decoding).toBe('idle');
    expect(await (await redis.client()).exists('one')).toBe(0);
  });

  it('publishes all frames, in order, to a Python program that requests them through the keys of the original', async () => {
    await waitFor(
      'the codec',
      BOUND_MS,
      async () => (await (await redis.client()).exists('codec_video_infoone')) === 1,
    );
    const options = ['--device', 'one', '--ask', '--frames', '75', '--verify'];
    const { exitCode, complaints, lines } = await pythonRedisClient(redis.connection, ...options);
    const missing = Number(/^missing: (\d+)\n$/.exec(complaints)?.[1] ?? 0);
    // A busy machine drops some frames. With keyframes only, at least 49 of 50 would be missing.
    expect(missing).toBeLessThan(75);
    if (missing === 0) expect({ complaints, exitCode }).toEqual({ complaints: '', exitCode: 0 });
    const [codec, ...frames] = lines;
    expect(codec).toEqual({
      codec: {
        name: 'h264',
        long_name: expect.stringContaining('H.264') as string,
        width: 640,
        height: 480,
        pix_fmt: 'yuv420p',
        extradata: expect.any(Number) as number,
        extradata_size: expect.any(Number) as number,
      },
    });
    for (const frame of frames) {
      const index = Number(frame['number']) % 50;
      expect(frame).toMatchObject({
        device_id: 'one',
        is_keyframe: index === 0,
        packet: index,
        shape: [
          [480, '0'],
          [640, '1'],
          [3, '2'],
        ],
        bytes: 640 * 480 * 3,
      });
    }
    expect(await (await redis.client()).xLen('one')).toBeLessThanOrEqual(10);
    // No program requested frames of the other camera.
    expect(await (await redis.client()).exists('two')).toBe(0);
  });

  it('decodes only keyframes when a program requests keyframes only', async () => {
    const options = ['--device', 'two', '--ask', '--keyframes', '--frames', '2', '--verify'];
    const { complaints, lines } = await pythonRedisClient(redis.connection, ...options);
    expect(complaints).toBe('');
    expect(lines.slice(1).map((frame) => frame['is_keyframe'])).toEqual([true, true]);
    expect((await proxy.camera('two')).chrysproxy.stats.decoding).toBe('keyframes');
    const status = await redisStatus(proxy);
    expect(status.cameras.find(({ camera }) => camera === 'two')).toMatchObject({
      publishing: true,
      asked: 'keyframes',
    });
  });

  it('keeps a table of all cameras, without removed ones', async () => {
    const client = await redis.client();
    const table = async (): Promise<Readonly<Record<string, string>>> => client.hGetAll('gate:cameras');
    await waitFor(
      'a rate',
      BOUND_MS,
      async () => (JSON.parse((await table())['one'] ?? '{}') as { fps: number }).fps > 20,
    );
    expect(JSON.parse((await table())['one'] ?? '')).toMatchObject({
      phase: 'running',
      reason: null,
      message: '',
      width: 640,
      height: 480,
      codec: 'h264',
    });
    expect(await client.pTTL('gate:cameras')).toBeGreaterThan(0);
    await proxy.removeCamera('two');
    await waitFor('the camera to leave the table', BOUND_MS, async () => !('two' in (await table())));
  });

  it('writes events into a stream, in order, with the name of the proxy', async () => {
    const client = await redis.client();
    await proxy.addCamera('late', farm.url('one'));
    await proxy.cameraIsRunning('late');
    await proxy.removeCamera('late');
    const events = await waitFor('the events', BOUND_MS, async () => {
      const entries = await client.xRange('gate:events', '-', '+');
      const found = (entries ?? []).map(({ message }) => message).filter(({ camera }) => camera === 'late');
      return found.at(-1)?.['state'] === 'removed' ? found : undefined;
    });
    expect(events.map(({ state }) => state)).toEqual(['added', 'running', 'removed']);
    expect(events[1]).toMatchObject({ type: 'camera', reason: '', message: '', proxy: 'north gate' });
    expect(Math.abs(Number(events[1]?.['at']) - Date.now())).toBeLessThan(60_000);
    const ids = events.map(({ id }) => id ?? '');
    expect([...ids].sort()).toEqual(ids);
  });

  it('does not change a key of another program, and reports that it prevents publishing', async () => {
    const client = await redis.client();
    await client.set('taken', 'precious');
    await proxy.addCamera('taken', farm.url('one'));
    await proxy.addCamera('codec_video_infoone', farm.url('one'));
    await client.hSet('last_access_time_taken', 'last_query', Date.now());
    const problem = async (name: string): Promise<string | null> =>
      (await redisStatus(proxy)).cameras.find(({ camera }) => camera === name)?.message ?? null;
    await waitFor('the reason', BOUND_MS, async () => (await problem('taken'))?.includes('WRONGTYPE'));
    expect(await client.get('taken')).toBe('precious');
    expect(await client.pTTL('taken')).toBe(-1);
    expect(await problem('codec_video_infoone')).toContain('Give the camera another name');
    await proxy.removeCamera('taken');
    await proxy.removeCamera('codec_video_infoone');
  });

  it('stops when no program requests frames any more', async () => {
    await waitFor(
      'the decoder to be idle',
      40_000,
      async () => (await proxy.camera('one')).chrysproxy.stats.decoding === 'idle',
    );
    await waitFor('the status to show it', BOUND_MS, async () =>
      (await redisStatus(proxy)).cameras.every(({ publishing, asked }) => !publishing && asked === null),
    );
    // Redis deletes the remaining frames after a while.
    expect(await (await redis.client()).pTTL('one')).toBeGreaterThan(0);
  });

  it('shows the status on the command line', async () => {
    const { exitCode, stdout } = await runCli(proxy, ['redis', 'status']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Redis:      ${redis.connection}, database 0`);
    expect(stdout).toMatch(/^one +no +- +\d+ +\d+$/m);
  });
});

describe('a proxy that always publishes', () => {
  let farm: Farm;
  let redis: RedisServer;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: [{ path: 'one', clip: SHORT_GROUPS }] });
    redis = await RedisServer.start({ durable: false });
  });

  afterAll(async () => {
    await redis.dispose();
    await farm.stop();
  });

  it.each([
    ['keyframes', {}, (steps: readonly number[]) => steps.every((step) => step > 0 && step % 10 === 0)],
    [
      'interval',
      { publish_interval_ms: 200 },
      (steps: readonly number[]) => steps.every((step) => step > 1) && steps.some((step) => step < 10),
    ],
    ['all', {}, (steps: readonly number[]) => steps.includes(1)],
  ])('publishes %s without a request', async (publishFrames, more, areExpected) => {
    const proxy = await Proxy.start({
      config: { redis: { connection: redis.connection, publish_frames: publishFrames, database: 2, ...more } },
    });
    try {
      await proxy.addCamera('one', farm.url('one'));
      await proxy.cameraIsRunning('one');
      const client = await redis.client(2);
      await client.flushDb();
      const numbers = await streamNumbers(client, 'one', publishFrames === 'keyframes' ? 3 : 8);
      expect(numbers).not.toContain('torn');
      const steps = numbers.slice(1).map((number, at) => (Number(number) - Number(numbers[at]) + 300) % 300);
      expect({ steps, areExpected: areExpected(steps) }).toEqual({ steps, areExpected: true });
    } finally {
      await proxy.dispose();
    }
  });

  it('writes states and events, and no frames, by default', async () => {
    const proxy = await Proxy.start({ config: { redis: { connection: redis.connection, database: 3 } } });
    try {
      await proxy.addCamera('one', farm.url('one'));
      await proxy.cameraIsRunning('one');
      const client = await redis.client(3);
      await client.hSet('last_access_time_one', 'last_query', Date.now());
      await waitFor('an event', BOUND_MS, async () => (await client.xLen('chrysproxy:events')) >= 2);
      await waitFor('the table', BOUND_MS, async () => client.hExists('chrysproxy:cameras', 'one'));
      const keys = (await client.keys('*')).filter((key) => !key.startsWith('chrysproxy:annotations:'));
      expect(keys.sort()).toEqual(['chrysproxy:cameras', 'chrysproxy:events', 'last_access_time_one']);
    } finally {
      await proxy.dispose();
    }
  });

  it('logs once that Redis refuses the password, and never shows the password', async () => {
    const secret = 'kept to itself';
    const locked = await RedisServer.start({ password: 'another one' });
    const proxy = await Proxy.start({ config: { redis: { connection: locked.connection, password: secret } } });
    try {
      const { message } = await waitFor('the refusal', BOUND_MS, async () => {
        const status = await redisStatus(proxy);
        return status.message?.includes('refuses redis.password') === true && status;
      });
      const { exitCode, stderr } = await runCli(proxy, ['redis', 'status']);
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: `chrysproxy: ${String(message)}\n` });
      expect(proxy.output.split('refuses redis.password')).toHaveLength(2);
      expect(proxy.output + String(message)).not.toContain(secret);
    } finally {
      await proxy.dispose();
      await locked.dispose();
    }
  });
});
