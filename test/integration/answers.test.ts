/** Answers of gRPC calls that have no picture, and the calls besides pictures. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusedUrl } from '../farm/faulty-servers.js';
import { failure, type Generation, type ImageClient } from '../support/grpc-client.js';
import { FarmScene } from '../support/scene.js';
import { take } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;

/** "here" runs. "gone" has an address where nothing listens. */
async function startScene(): Promise<FarmScene> {
  const clip = 'h264-640x480-25-g50';
  // A camera that is frozen for long shall not be taken for a dead one.
  const scene = await FarmScene.start({ here: clip }, { more: { here: { stall_timeout_ms: 60_000 } } });
  await scene.proxy.addCamera('gone', await refusedUrl());
  return scene;
}

describe.each<Generation>(['unary', 'bidirectional'])('a call that is %s', (generation) => {
  let scene: FarmScene;
  let client: ImageClient;

  beforeAll(async () => {
    scene = await startScene();
    client = scene.newClient(generation);
  });
  afterAll(async () => {
    await scene.dispose();
  });

  it('for an unknown camera is NOT_FOUND and names it', async () => {
    const { code, details } = await failure(client.frame({ device_id: 'nobody' }));
    expect(code).toBe(status.NOT_FOUND);
    expect(details).toContain('nobody');
  });

  it('without a camera is INVALID_ARGUMENT and names the field', async () => {
    const { code, details } = await failure(client.frame({}));
    expect(code).toBe(status.INVALID_ARGUMENT);
    expect(details).toContain('device_id');
  });

  it('for a camera that cannot be reached is UNAVAILABLE with the reason', async () => {
    await waitFor('the reason', BOUND_MS, async () =>
      (await failure(client.frame({ device_id: 'gone' }))).details.includes('refuses connections'),
    );
    const { code } = await failure(client.frame({ device_id: 'gone' }));
    expect(code).toBe(status.UNAVAILABLE);
  });

  it('for a camera without a new picture is answered without a picture', async () => {
    await take(client, { device_id: 'here' }, 5);
    scene.farm.freeze();
    try {
      const empty = await waitFor('an answer without a picture', BOUND_MS, async () => {
        const frame = await client.frame({ device_id: 'here' });
        return frame.data.length === 0 ? frame : undefined;
      });
      expect(empty.device_id).toBe('here');
    } finally {
      scene.farm.thaw();
    }
  });
});

describe('the other calls', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(async () => {
    await scene.dispose();
  });

  it('ListStreams lists the state of each camera', async () => {
    const streams = await waitFor('the failure to be listed', BOUND_MS, async () => {
      const all = (await scene.client.all('ListStreams', {})) as { name: string; error: string }[];
      return all.some(({ error }) => error !== '') && all;
    });
    expect(streams).toHaveLength(2);
    expect(streams.find(({ name }) => name === 'here')).toMatchObject({
      status: 'running',
      running: true,
      dead: false,
    });
    expect(streams.find(({ name }) => name === 'gone')).toMatchObject({ running: false, restarting: true });
    expect(streams.find(({ name }) => name === 'gone')?.error).toContain('refuses connections');
  });

  it('VideoProbe returns the codec', async () => {
    const answer = (await scene.client.unary('VideoProbe', { device_id: 'here' })) as { video_codec: object };
    expect(answer.video_codec).toMatchObject({ name: 'h264', width: 640, height: 480, pix_fmt: 'yuv420p' });
  });

  it('SystemTime returns the time', async () => {
    const before = Date.now();
    const { current_time: nowMs } = (await scene.client.unary('SystemTime', {})) as { current_time: number };
    expect(nowMs).toBeGreaterThanOrEqual(before);
    expect(nowMs).toBeLessThanOrEqual(Date.now());
  });

  it.each(['Proxy', 'Storage'])('%s of a camera without an RTMP endpoint names the missing field', async (method) => {
    const { code, details } = await failure(scene.client.unary(method, { device_id: 'here' }));
    expect(code).toBe(status.FAILED_PRECONDITION);
    expect(details).toContain('rtmp_endpoint');
    expect((await failure(scene.client.unary(method, { device_id: 'nowhere' }))).code).toBe(status.NOT_FOUND);
    expect((await failure(scene.client.unary(method, {}))).code).toBe(status.INVALID_ARGUMENT);
  });
});
