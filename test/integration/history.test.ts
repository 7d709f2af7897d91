/** The history in memory: a client gets exactly the frames that it asks for. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import { failure, type Frame } from '../support/grpc-client.js';
import { leaveAfter, type Listed, listed, pastFrames, probe } from '../support/history.js';
import { pythonClient } from '../support/python.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const FPS = 25;
const GOP = 50;
const CLIP_FRAMES = 300;
const FRAME_TICKS = 90_000 / FPS;
const IN_MEMORY = 150;
const BOUND_MS = 60_000;
const DEVICES = ['h264', 'hevc', 'reordered'] as const;

describe('the history in memory', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await FarmScene.start(
      { h264: 'h264-640x480-25-g50', hevc: 'hevc-640x360-25-g50', reordered: 'h264-640x480-25-g50-b2' },
      { config: { buffer: { in_memory: IN_MEMORY } } },
    );
    for (const device of DEVICES) {
      await waitFor(`${device} to fill its memory`, BOUND_MS, async () => (await held(device)).length >= IN_MEMORY);
    }
  });
  afterAll(async () => {
    await scene.dispose();
  });

  const held = (device: string): Promise<readonly Listed[]> => listed(scene.proxy, device);

  /** `count` frames that are neither the newest ten, whose order may change, nor the oldest, which memory may lose. */
  async function window(device: string, count: number): Promise<readonly Listed[]> {
    const frames = await held(device);
    return frames.slice(-count - 10, -10);
  }

  /** All frames in memory. The camera may overwrite the oldest group while it is read; then it is read again. */
  async function wholeMemory(device: string): Promise<Frame[]> {
    return await waitFor(`the whole memory of ${device}`, BOUND_MS, async () => {
      const frames = await pastFrames(scene.client, { device_id: device });
      return frames.every(({ gap_ms }) => gap_ms === 0) && frames;
    });
  }

  function expectRun(frames: readonly Frame[]): void {
    const [first] = frames;
    const start = readBarcode(first!.data, first!.width, first!.height);
    expect(start).not.toBe('torn');
    for (const [index, frame] of frames.entries()) {
      expect(readBarcode(frame.data, frame.width, frame.height)).toBe((Number(start) + index) % CLIP_FRAMES);
      expect(Math.abs(frame.pts - first!.pts - index * FRAME_TICKS)).toBeLessThan(FRAME_TICKS / 2);
      expect(frame.frame_id).toBe(first!.frame_id + index);
      expect(frame.gap_ms).toBe(0);
    }
  }

  it.each(DEVICES)('returns every frame of %s in memory, in order, each once, with its own time', async (device) => {
    const frames = await wholeMemory(device);
    expect(frames.length).toBeGreaterThanOrEqual(IN_MEMORY);
    expectRun(frames);
    expect(frames[0]).toMatchObject({ is_keyframe: true, frame_type: 'I', packet: 0, device_id: device });
    expect(frames.map(({ keyframe }) => keyframe)).toEqual(
      [...frames.map(({ keyframe }) => keyframe)].sort((a, b) => a - b),
    );
  });

  it.each(DEVICES)(
    'returns exactly the frames of %s in a range that begins and ends in the middle of a group',
    async (device) => {
      const wanted = await window(device, 70);
      const [from, to] = [wanted[0]!.timestamp, wanted.at(-1)!.timestamp];
      const frames = await pastFrames(scene.client, { device_id: device, timestamp_from: from, timestamp_to: to });
      const inside = (await held(device)).filter(({ timestamp }) => timestamp >= from && timestamp <= to);
      expect(frames.map(({ frame_id }) => frame_id)).toEqual(inside.map(({ frame_id }) => frame_id));
      expect(frames.map(({ pts }) => pts)).toEqual(inside.map(({ pts }) => pts));
      expect(frames.map(({ timestamp }) => timestamp)).toEqual(inside.map(({ timestamp }) => timestamp));
      const numbers = frames.map((frame) => readBarcode(frame.data, frame.width, frame.height));
      for (const [index, frame] of frames.entries()) {
        const steps = Math.round((frame.pts - frames[0]!.pts) / FRAME_TICKS);
        expect(numbers[index]).toBe((Number(numbers[0]) + steps) % CLIP_FRAMES);
      }
      // With B-frames, neighbours in display order are not neighbours in order of arrival.
      expect(frames.length).toBeGreaterThanOrEqual(64);
    },
  );

  it('returns B-frames at their place', async () => {
    const frames = await pastFrames(scene.client, { device_id: 'reordered' });
    expect(new Set(frames.map(({ frame_type }) => frame_type))).toEqual(new Set(['I', 'P', 'B']));
  });

  it.each(DEVICES)('returns only keyframes of %s to a client that asks for keyframes', async (device) => {
    const frames = await pastFrames(scene.client, { device_id: device, key_frame_only: true });
    expect(frames.length).toBeGreaterThanOrEqual(IN_MEMORY / GOP);
    for (const [index, frame] of frames.entries()) {
      expect(frame.is_keyframe).toBe(true);
      expect(Number(readBarcode(frame.data, frame.width, frame.height)) % GOP).toBe(0);
      expect(frame.keyframe).toBe(frames[0]!.keyframe + index);
    }
  });

  it.each([200, 1000])('returns a frame about every %d ms', async (intervalMs) => {
    const frames = await pastFrames(scene.client, { device_id: 'h264', interval_ms: intervalMs });
    const [first, last] = [frames[0]!, frames.at(-1)!];
    const spanMs = ((last.pts - first.pts) / 90_000) * 1000;
    expect(Math.abs(frames.length - 1 - spanMs / intervalMs)).toBeLessThanOrEqual(1);
    for (const frame of frames) expect(readBarcode(frame.data, frame.width, frame.height)).not.toBe('torn');
  });

  it.each([
    [{ width: 320 }, 320, 240, 320 * 240 * 3],
    [{ height: 120, format: 'RGB24' as const }, 160, 120, 160 * 120 * 3],
    [{ width: 4000 }, 640, 480, 640 * 480 * 3],
    [{ format: 'GRAY8' as const }, 640, 480, 640 * 480],
    [{ format: 'I420' as const, width: 200 }, 200, 150, 200 * 150 * 1.5],
  ])('scales and converts: %o', async (format, width, height, bytes) => {
    const [first] = await window('h264', 5);
    const at = { timestamp_from: first!.timestamp, timestamp_to: first!.timestamp };
    const [frame] = await pastFrames(scene.client, { device_id: 'h264', ...at, ...format });
    expect(frame).toMatchObject({ width, height });
    expect(frame?.data).toHaveLength(bytes);
  });

  it('returns JPEG files', async () => {
    const [first] = await window('h264', 5);
    const at = { timestamp_from: first!.timestamp, timestamp_to: first!.timestamp };
    const [frame] = await pastFrames(scene.client, { device_id: 'h264', format: 'JPEG', quality: 90, ...at });
    expect([...(frame?.data.subarray(0, 3) ?? [])]).toEqual([0xff, 0xd8, 0xff]);
    expect([...(frame?.data.subarray(-2) ?? [])]).toEqual([0xff, 0xd9]);
    expect(frame?.shape?.dim[0]?.size).toBe(frame?.data.length);
  });

  it('serves several queries of one camera at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        pastFrames(scene.client, { device_id: 'h264', width: 320, key_frame_only: index === 0 }),
      ),
    );
    expect(answers[0]?.every(({ is_keyframe }) => is_keyframe)).toBe(true);
    // The camera may overwrite the oldest group while it is read.
    for (const frames of answers.slice(1)) expect(frames.length).toBeGreaterThanOrEqual(IN_MEMORY - GOP);
  });

  it('returns nothing when no frame is in the range', async () => {
    expect(await pastFrames(scene.client, { device_id: 'h264', timestamp_from: 1, timestamp_to: 1000 })).toEqual([]);
    expect(await pastFrames(scene.client, { device_id: 'h264', timestamp_from: Date.now() + 3_600_000 })).toEqual([]);
  });

  it('refuses invalid requests', async () => {
    const ask = (request: object): Promise<unknown> => scene.client.all('VideoBufferedImage', request);
    expect((await failure(ask({}))).code).toBe(status.INVALID_ARGUMENT);
    expect((await failure(ask({ device_id: 'nobody' }))).code).toBe(status.NOT_FOUND);
    const backwards = await failure(ask({ device_id: 'h264', timestamp_from: 2000, timestamp_to: 1000 }));
    expect(backwards).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('2000') });
  });

  it('ends a query when its client leaves', async () => {
    for (let i = 0; i < 20; i += 1) {
      await leaveAfter(3, scene.client, { device_id: 'h264' });
    }
    expectRun(await wholeMemory('h264'));
  });

  it.each(DEVICES)('reports how much memory holds of %s', async (device) => {
    const before = await held(device);
    const { buffer } = await probe(scene.client, device);
    const after = await held(device);
    expect(buffer.start_time).toBeGreaterThanOrEqual(before[0]!.timestamp);
    expect(buffer.end_time).toBeGreaterThanOrEqual(before.at(-1)!.timestamp - 200);
    expect(buffer.end_time).toBeLessThanOrEqual(after.at(-1)!.timestamp + 200);
    expect(buffer.approximate_fps).toBe(FPS);
    expect(Math.abs(buffer.duration_seconds - (buffer.end_time - buffer.start_time) / 1000)).toBeLessThanOrEqual(0.5);
    expect(buffer.frames).toBeGreaterThanOrEqual(IN_MEMORY);
    expect(Math.abs(buffer.frames - before.length)).toBeLessThanOrEqual(GOP + 5);
    expect(buffer.keyframes).toBe(Math.ceil(buffer.frames / GOP));
    expect(buffer.bytes).toBeGreaterThan(buffer.frames * 100);
    expect(buffer.limited).toBe(false);
  });

  it('serves a Python client', async () => {
    const run = await pythonClient(
      scene.proxy.grpcAddress,
      '--past',
      '--device',
      'h264',
      '--frames',
      '100',
      '--verify',
    );
    expect(run.complaints).toBe('');
    expect(run.exitCode).toBe(0);
    expect(run.lines).toHaveLength(100);
  });
});
