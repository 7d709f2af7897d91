/** What a client is told when there is no picture, and the calls beside the pictures. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { refusedUrl } from '../farm/faulty-servers.js';
import { failure, type Generation, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { take } from '../support/take.js';
import { waitFor } from '../support/wait.js';

describe.each<Generation>(['unary', 'bidirectional'])('a call that is %s', (generation) => {
  let farm: Farm;
  let proxy: Proxy;
  let client: ImageClient;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: [{ path: 'here', clip: 'h264-640x480-25-g50' }] });
    proxy = await Proxy.start();
    client = new ImageClient(proxy.grpcAddress, generation);
    await proxy.addCamera('here', farm.url('here'));
    await proxy.addCamera('gone', await refusedUrl());
    await proxy.cameraIsRunning('here');
  });

  afterAll(async () => {
    client.close();
    await proxy.dispose();
    await farm.stop();
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
    await waitFor('the reason', 10_000, async () =>
      (await failure(client.frame({ device_id: 'gone' }))).details.includes('refuses connections'),
    );
    const { code } = await failure(client.frame({ device_id: 'gone' }));
    expect(code).toBe(status.UNAVAILABLE);
  });

  it('for a camera that has nothing new is answered without a picture', async () => {
    await take(client, { device_id: 'here' }, 5);
    farm.freeze();
    try {
      const empty = await waitFor('an answer without a picture', 4500, async () => {
        const frame = await client.frame({ device_id: 'here' });
        return frame.data.length === 0 ? frame : undefined;
      });
      expect(empty.device_id).toBe('here');
    } finally {
      farm.thaw();
    }
  });
});

describe('the other calls', () => {
  let farm: Farm;
  let proxy: Proxy;
  let client: ImageClient;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: [{ path: 'here', clip: 'h264-640x480-25-g50' }] });
    proxy = await Proxy.start();
    client = new ImageClient(proxy.grpcAddress, 'unary');
    await proxy.addCamera('here', farm.url('here'));
    await proxy.addCamera('gone', await refusedUrl());
    await proxy.cameraIsRunning('here');
  });

  afterAll(async () => {
    client.close();
    await proxy.dispose();
    await farm.stop();
  });

  it('ListStreams tells how each camera is', async () => {
    const streams = await waitFor('the failure to be seen', 10_000, async () => {
      const all = (await client.all('ListStreams', {})) as { name: string; error: string }[];
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

  it('VideoProbe tells the codec', async () => {
    const answer = (await client.unary('VideoProbe', { device_id: 'here' })) as { video_codec: object };
    expect(answer.video_codec).toMatchObject({ name: 'h264', width: 640, height: 480, pix_fmt: 'yuv420p' });
  });

  it('SystemTime is the time', async () => {
    const before = Date.now();
    const { current_time: nowMs } = (await client.unary('SystemTime', {})) as { current_time: number };
    expect(nowMs).toBeGreaterThanOrEqual(before);
    expect(nowMs).toBeLessThanOrEqual(Date.now());
  });

  it.each(['Proxy', 'Storage'])('%s of a camera without an RTMP endpoint names what is missing', async (method) => {
    const { code, details } = await failure(client.unary(method, { device_id: 'here' }));
    expect(code).toBe(status.FAILED_PRECONDITION);
    expect(details).toContain('rtmp_endpoint');
    expect((await failure(client.unary(method, { device_id: 'nowhere' }))).code).toBe(status.NOT_FOUND);
    expect((await failure(client.unary(method, {}))).code).toBe(status.INVALID_ARGUMENT);
  });
});
