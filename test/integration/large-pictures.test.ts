/** A camera of 20 megapixels: its pictures as BGR24 are larger than the maximum of a message. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFilm } from '../support/film.js';
import { failure, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';

const WIDTH = 5472;
const HEIGHT = 3648;
const WAIT = { device_id: 'large', wait_ms: 20_000 };
const ADVICE = /5472x3648 takes 59885568 bytes as BGR24.*at most 52424704.*width=1920/;

describe('a camera whose pictures do not fit into a message', () => {
  let proxy: Proxy;
  let folder: string;
  let client: ImageClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chrys-large-'));
    const file = join(folder, 'large.mp4');
    const encoder = ['-preset', 'ultrafast', '-crf', '40', '-g', '1', '-pix_fmt', 'yuv420p'];
    await makeFilm(file, { width: WIDTH, height: HEIGHT, fps: 2, frames: 4, encoder });
    proxy = await Proxy.start({ config: { sources: { schemes: ['rtsp', 'file'] } } });
    await proxy.addCamera('large', `file:${file}`);
    await proxy.cameraIsRunning('large');
    client = new ImageClient(proxy.grpcAddress, 'unary');
  });

  afterAll(async () => {
    client.close();
    await proxy.dispose();
    rmSync(folder, { recursive: true });
  });

  it('refuses a caller that asks for them, with size, limit and advice', async () => {
    const one = await failure(client.frame(WAIT));
    expect(one.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(one.details).toMatch(ADVICE);
    const many = await failure(client.all('VideoStream', WAIT));
    expect(many.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(many.details).toMatch(ADVICE);
  });

  it('serves other formats and sizes at the same time', async () => {
    const refused = failure(client.frame(WAIT));
    const scaled = await client.frame({ ...WAIT, width: 1920 });
    expect([scaled.width, scaled.height, scaled.data.length]).toEqual([1920, 1280, 1920 * 1280 * 3]);
    const jpeg = await client.frame({ ...WAIT, format: 'JPEG' });
    expect([jpeg.width, jpeg.height]).toEqual([WIDTH, HEIGHT]);
    expect(jpeg.data.subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect((await refused).code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await client.frame({ ...WAIT, format: 'I420' })).data).toHaveLength(WIDTH * HEIGHT * 1.5);
  });

  it('serves snapshots over REST', async () => {
    for (const query of ['', '?width=640', '?keyframe=true']) {
      const answer = await proxy.rest('GET', `/api/v1/process/large/snapshot.jpg${query}`);
      expect([query, answer.status]).toEqual([query, 200]);
    }
  });

  it('keeps the camera running', async () => {
    const { chrysproxy } = await proxy.camera('large');
    expect(chrysproxy).toMatchObject({ phase: 'running', reason: null });
  });
});
