/** The history in special cases: reconnection, change of the size, slow readers, the end of the proxy. */
import { afterEach, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import type { Frame } from '../support/grpc-client.js';
import { listed, pastFrames, probe } from '../support/history.js';
import { type FarmCamera, FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BUSY = 'h264-640x480-25-g25-4000k';
const GOP = 25;
const BOUND_MS = 60_000;

let scene: FarmScene;

async function start(buffer: object, cam: FarmCamera): Promise<void> {
  scene = await FarmScene.start({ cam }, { config: { buffer } });
}

async function holds(count: number): Promise<void> {
  await waitFor(`${count} frames in memory`, BOUND_MS, async () => (await listed(scene.proxy, 'cam')).length >= count);
}

afterEach(async () => {
  await scene.dispose();
});

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

describe('the history', () => {
  it('continues over a reconnection, with frames of both connections', async () => {
    await start({ in_memory: 400 }, 'h264-640x480-25-g50');
    await holds(60);
    await scene.farm.disconnect();
    const before = (await listed(scene.proxy, 'cam')).length;
    await holds(before + 60);
    const frames = await pastFrames(scene.client, { device_id: 'cam' });
    const starts = frames.filter((frame, index) => index > 0 && frame.keyframe < (frames[index - 1]?.keyframe ?? 0));
    expect(starts.map((frame) => [frame.is_keyframe, frame.packet, frame.gap_ms])).toEqual([[true, 0, 0]]);
    expect(frames.map(numberOf)).not.toContain('torn');
    const ids = frames.map(({ frame_id }) => frame_id);
    expect(ids).toEqual([...new Set(ids)].sort((one, other) => one - other));
    expect((await probe(scene.client, 'cam')).buffer.approximate_fps).toBe(25);
  });

  it('has the size of the configuration, unless the request names one', async () => {
    await start({ in_memory: 50, in_memory_scale: '320:-1' }, 'h264-640x480-25-g25-1s');
    await holds(30);
    const [small] = await pastFrames(scene.client, { device_id: 'cam', key_frame_only: true });
    expect([small?.width, small?.height]).toEqual([320, 240]);
    const [wide] = await pastFrames(scene.client, { device_id: 'cam', key_frame_only: true, width: 480 });
    expect([wide?.width, wide?.height]).toEqual([480, 360]);
  });

  it('is listed in pages without a hole', async () => {
    await start({ in_memory: 100 }, 'h264-640x480-25-g25-1s');
    await holds(100);
    const whole = await listed(scene.proxy, 'cam');
    const to = whole[79]?.timestamp ?? 0;
    const paged: number[] = [];
    let next: number | null = 0;
    while (next !== null) {
      const query = `?limit=30&to=${to}&after=${next}`;
      const { text } = await scene.proxy.rest('GET', `/api/v1/process/cam/frames${query}`);
      const page = JSON.parse(text) as { frames: { frame_id: number }[]; next: number | null };
      expect(page.frames.length).toBeLessThanOrEqual(30);
      paged.push(...page.frames.map(({ frame_id }) => frame_id));
      next = page.next;
    }
    const first = whole.findIndex(({ frame_id }) => frame_id === paged[0]);
    expect(paged).toEqual(whole.slice(first, 80).map(({ frame_id }) => frame_id));
    expect(paged.length).toBeGreaterThan(30);
  });

  it('continues over a change of the size, and each frame has its own size', async () => {
    await start({ in_memory: 400 }, { clip: 'h264-640x480-25-g50', then: { clip: 'h264-320x240-25-g50', after: 60 } });
    await holds(160);
    const frames = await pastFrames(scene.client, { device_id: 'cam' });
    const sizes = frames.map(({ width, height, data }) => `${width}x${height} ${data.length / width / height}`);
    expect([...new Set(sizes)]).toEqual(['640x480 3', '320x240 3']);
    expect(frames.map(numberOf)).not.toContain('torn');
  });

  it('continues with a whole group and reports the gap when a client lags so far that frames are overwritten', async () => {
    await start({ in_memory: 1000, in_memory_max_bytes: 1_048_576 * 3 }, BUSY);
    await waitFor('the budget to be used up', BOUND_MS, async () => (await probe(scene.client, 'cam')).buffer.limited);
    const { buffer } = await probe(scene.client, 'cam');
    expect(buffer.frames).toBeLessThan(1000);
    expect(buffer.frames).toBeGreaterThan(2 * GOP);
    expect(buffer.bytes).toBeLessThanOrEqual(1_048_576 * 3);
    expect(buffer.keyframes).toBe(Math.ceil(buffer.frames / GOP));

    const stream = scene.client.frames('VideoBufferedImage', { device_id: 'cam', width: 1280, enlarge: true });
    const frames: { frame: Frame; number: number | 'torn' }[] = [];
    stream.on('data', (frame: Frame) => {
      frames.push({ frame, number: numberOf(frame) });
      if (frames.length === 1) stream.pause();
    });
    const ended = new Promise((resolve) => stream.once('end', resolve));
    await waitFor('the first frame', BOUND_MS, () => frames.length > 0);
    // The connection buffers 50 MiB, less than a second of frames. Then the server waits.
    await waitFor('the frames behind those to be overwritten', BOUND_MS, async () => {
      return (await probe(scene.client, 'cam')).buffer.start_time > buffer.start_time + 3000;
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

  it('does not hold back a proxy that is told to end', async () => {
    await start({ in_memory: 200 }, 'h264-640x480-25-g50');
    await holds(100);
    const stream = scene.client.frames('VideoBufferedImage', { device_id: 'cam', width: 1920, enlarge: true });
    const failed = new Promise<Error>((resolve) => stream.once('error', resolve));
    stream.once('data', () => stream.pause());
    await waitFor('decoding to begin', BOUND_MS, () => stream.isPaused());
    expect(await scene.proxy.end()).toBe(0);
    stream.resume();
    expect(await failed).toBeDefined();
  });
});
