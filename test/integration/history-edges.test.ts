/** The past where it is not one stream that lies there undisturbed. */
import { afterEach, describe, expect, it } from 'vitest';
import { Farm, type MountOptions } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { type Frame, ImageClient } from '../support/grpc-client.js';
import { listed, pastFrames, probe } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const BUSY = 'h264-640x480-25-g25-4000k';
const GOP = 25;

let farm: Farm;
let proxy: Proxy;
let client: ImageClient;

async function start(buffer: object, mount: Omit<MountOptions, 'path'>): Promise<void> {
  farm = await Farm.start({ mounts: [{ path: 'cam', ...mount }] });
  proxy = await Proxy.start({ config: { buffer } });
  await proxy.addCamera('cam', farm.url('cam'));
  client = new ImageClient(proxy.grpcAddress, 'unary');
  await proxy.cameraIsRunning('cam');
}

async function holds(count: number): Promise<void> {
  await waitFor(`${count} frames in memory`, 40_000, async () => (await listed(proxy, 'cam')).length >= count);
}

afterEach(async () => {
  client.close();
  await proxy.dispose();
  await farm.stop();
});

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

describe('the past', () => {
  it('goes on over a reconnection, with frames of both connections', async () => {
    await start({ in_memory: 400 }, { clip: 'h264-640x480-25-g50' });
    await holds(60);
    await farm.disconnect();
    const before = (await listed(proxy, 'cam')).length;
    await holds(before + 60);
    const frames = await pastFrames(client, { device_id: 'cam' });
    const starts = frames.filter((frame, index) => index > 0 && frame.keyframe < (frames[index - 1]?.keyframe ?? 0));
    expect(starts.map((frame) => [frame.is_keyframe, frame.packet, frame.gap_ms])).toEqual([[true, 0, 0]]);
    expect(frames.map(numberOf)).not.toContain('torn');
    const ids = frames.map(({ frame_id }) => frame_id);
    expect(ids).toEqual([...new Set(ids)].sort((one, other) => one - other));
    expect((await probe(client, 'cam')).buffer.approximate_fps).toBe(25);
  });

  it('has the size of the configuration, unless the request names one', async () => {
    await start({ in_memory: 50, in_memory_scale: '320:-1' }, { clip: 'h264-640x480-25-g25-1s' });
    await holds(30);
    const [small] = await pastFrames(client, { device_id: 'cam', key_frame_only: true });
    expect([small?.width, small?.height]).toEqual([320, 240]);
    const [wide] = await pastFrames(client, { device_id: 'cam', key_frame_only: true, width: 480 });
    expect([wide?.width, wide?.height]).toEqual([480, 360]);
  });

  it('is listed in pages that leave nothing out', async () => {
    await start({ in_memory: 100 }, { clip: 'h264-640x480-25-g25-1s' });
    await holds(100);
    const whole = await listed(proxy, 'cam');
    const to = whole[79]?.timestamp ?? 0;
    const paged: number[] = [];
    let next: number | null = 0;
    while (next !== null) {
      const query = `?limit=30&to=${to}&after=${next}`;
      const { text } = await proxy.rest('GET', `/api/v1/process/cam/frames${query}`);
      const page = JSON.parse(text) as { frames: { frame_id: number }[]; next: number | null };
      expect(page.frames.length).toBeLessThanOrEqual(30);
      paged.push(...page.frames.map(({ frame_id }) => frame_id));
      next = page.next;
    }
    const first = whole.findIndex(({ frame_id }) => frame_id === paged[0]);
    expect(paged).toEqual(whole.slice(first, 80).map(({ frame_id }) => frame_id));
    expect(paged.length).toBeGreaterThan(30);
  });

  it('goes on over a change of the size, and each frame has its own', async () => {
    await start({ in_memory: 400 }, { clip: 'h264-640x480-25-g50', then: { clip: 'h264-320x240-25-g50', after: 60 } });
    await holds(160);
    const frames = await pastFrames(client, { device_id: 'cam' });
    const sizes = frames.map(({ width, height, data }) => `${width}x${height} ${data.length / width / height}`);
    expect([...new Set(sizes)]).toEqual(['640x480 3', '320x240 3']);
    expect(frames.map(numberOf)).not.toContain('torn');
  });

  it('of a client that lags so much that it is overwritten goes on with a whole group, and says what is lost', async () => {
    await start({ in_memory: 1000, in_memory_max_bytes: 1_048_576 * 3 }, { clip: BUSY });
    await waitFor('the budget to be used up', 40_000, async () => (await probe(client, 'cam')).buffer.limited);
    const { buffer } = await probe(client, 'cam');
    expect(buffer.frames).toBeLessThan(1000);
    expect(buffer.frames).toBeGreaterThan(2 * GOP);
    expect(buffer.bytes).toBeLessThanOrEqual(1_048_576 * 3);
    expect(buffer.keyframes).toBe(Math.ceil(buffer.frames / GOP));

    const stream = client.frames('VideoBufferedImage', { device_id: 'cam', width: 1280, enlarge: true });
    const frames: { frame: Frame; number: number | 'torn' }[] = [];
    stream.on('data', (frame: Frame) => {
      frames.push({ frame, number: numberOf(frame) });
      if (frames.length === 1) stream.pause();
    });
    const ended = new Promise((resolve) => stream.once('end', resolve));
    await waitFor('the first frame', 20_000, () => frames.length > 0);
    // The connection takes 50 MiB of its frames, which are less than a second; then the server waits.
    await waitFor('the frames behind those to be overwritten', 60_000, async () => {
      return (await probe(client, 'cam')).buffer.start_time > buffer.start_time + 3000;
    });
    stream.resume();
    await ended;
    const gaps = frames.filter(({ frame }) => frame.gap_ms > 0);
    expect(frames.map(({ number }) => number)).not.toContain('torn');
    for (const { frame } of gaps) {
      const before = frames[frames.findIndex((one) => one.frame === frame) - 1]!.frame;
      expect(frame.is_keyframe).toBe(true);
      expect(Math.abs(frame.gap_ms - (frame.timestamp - before.timestamp))).toBeLessThanOrEqual(1);
    }
    expect(gaps.length).toBeGreaterThan(0);
    const lost = frames.at(-1)!.frame.frame_id - frames[0]!.frame.frame_id + 1 - frames.length;
    expect(lost).toBeGreaterThan(GOP);
  });

  it('is left at once when the proxy is told to end', async () => {
    await start({ in_memory: 200 }, { clip: 'h264-640x480-25-g50' });
    await holds(100);
    const stream = client.frames('VideoBufferedImage', { device_id: 'cam', width: 1920, enlarge: true });
    const failed = new Promise<Error>((resolve) => stream.once('error', resolve));
    stream.once('data', () => stream.pause());
    await waitFor('decoding to begin', 20_000, () => stream.isPaused());
    const startMs = performance.now();
    expect(await proxy.end()).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(5000);
    stream.resume();
    expect(await failed).toBeDefined();
  });
});
