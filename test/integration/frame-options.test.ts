/** Each caller gets the frames of its own options, and the camera decodes no more than all callers together need. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import { convertToBgr } from '../support/ffmpeg.js';
import { failure, type FrameRequest, type ImageClient } from '../support/grpc-client.js';
import { listed } from '../support/history.js';
import { pictureFaults } from '../support/picture-checks.js';
import { type CameraState, FarmScene } from '../support/scene.js';
import {
  listen,
  type Listener,
  listenForEachStep,
  outOfOrder,
  take,
  takeEachStep,
  type Taken,
} from '../support/take.js';
import { waitFor } from '../support/wait.js';

const FPS = 25;
const GOP = 50;
const CLIP_FRAMES = 300;
const BOUND_MS = 60_000;

type Counter = 'packets' | 'frames_decoded' | 'frames_published';

describe('a caller with frame options', () => {
  let scene: FarmScene;

  const client = (): ImageClient => scene.newClient();

  /** Growth of the camera's counters while `body` runs. */
  async function growth(name: string, body: () => Promise<unknown>): Promise<Pick<CameraState['stats'], Counter>> {
    const { stats: before } = await scene.state(name);
    await body();
    const { stats: after } = await scene.state(name);
    return {
      packets: after.packets - before.packets,
      frames_decoded: after.frames_decoded - before.frames_decoded,
      frames_published: after.frames_published - before.frames_published,
    };
  }

  /** Decoded frames per packet that arrives while `body` runs. */
  async function decodedShare(name: string, body: () => Promise<unknown>): Promise<number> {
    const { frames_decoded, packets } = await growth(name, body);
    return frames_decoded / packets;
  }

  beforeAll(async () => {
    scene = await FarmScene.start({
      plain: 'h264-640x480-25-g50',
      other: 'h264-640x480-25-g50',
      third: 'h264-640x480-25-g50',
      reordered: 'h264-640x480-25-g50-b2',
      hevc: 'hevc-640x360-25-g50',
      'long-groups': 'h264-640x480-25-g250-10s',
    });
  });
  afterAll(async () => {
    await scene.dispose();
  });

  it.each(['plain', 'reordered', 'hevc'])(
    'gets a frame of %s per interval, and half of the frames is decoded',
    async (name) => {
      const one = client();
      const request = { device_id: name, interval_ms: 1000, wait_ms: 5000 };
      // By then its frames are in step with the keyframes.
      await take(one, request, 4);
      let taken: Taken[] = [];
      const share = await decodedShare(name, async () => {
        taken = await take(one, request, 6);
      });
      expect(outOfOrder(taken)).toEqual([]);
      for (const [index, { frame, number }] of taken.slice(1).entries()) {
        const before = taken[index]!;
        const expected = (1 + frame.skipped) * FPS;
        expect(frame.frame_id - before.frame.frame_id).toBe(expected);
        expect((Number(number) - Number(before.number) + CLIP_FRAMES) % CLIP_FRAMES).toBe(expected % CLIP_FRAMES);
      }
      // A busy machine may be late for one of them, but not for all.
      expect(taken.map(({ frame }) => frame.skipped)).toContain(0);
      expect(share).toBeLessThan(0.65);
    },
  );

  it('has only keyframes decoded for an interval that is longer than a group', async () => {
    await scene.idle('other');
    const one = client();
    await take(one, { device_id: 'other', interval_ms: 4000, wait_ms: 10_000 }, 2);
    let taken: Taken[] = [];
    const share = await decodedShare('other', async () => {
      taken = await take(one, { device_id: 'other', interval_ms: 4000, wait_ms: 10_000 }, 2);
    });
    expect(taken.map(({ frame }) => frame.is_keyframe)).toEqual([true, true]);
    expect(share).toBeLessThan(0.06);
  });

  it('gets all keyframes and nothing else, while another call takes every frame over the same connection', async () => {
    const one = client();
    const request = { device_id: 'third', key_frame_only: true, wait_ms: 5000 };
    const [every, taken] = await Promise.all([
      takeEachStep(one, { device_id: 'third' }, 2 * GOP),
      take(one, request, 4),
    ]);
    expect(pictureFaults(every, CLIP_FRAMES)).toEqual([]);
    expect(taken.map(({ frame }) => frame.is_keyframe)).toEqual([true, true, true, true]);
    for (const [index, { frame }] of taken.slice(1).entries()) {
      expect(frame.keyframe).toBe(taken[index]!.frame.keyframe + 1 + frame.skipped);
    }
    expect(taken.slice(1).map(({ frame }) => frame.skipped)).toContain(0);
  });

  it('gets a new frame in the middle of a group, without waiting for the next keyframe', async () => {
    await scene.idle('long-groups');
    await waitFor('the middle of a group', BOUND_MS, async () => {
      const frames = await listed(scene.proxy, 'long-groups');
      const place = frames.length - 1 - frames.findLastIndex(({ keyframe }) => keyframe);
      return place > 50 && place < 125;
    });
    const askedMs = Date.now();
    const frame = await client().frame({ device_id: 'long-groups', interval_ms: 2000, wait_ms: 5000 });
    expect(frame.data.length).toBeGreaterThan(0);
    expect(frame.packet).toBeGreaterThan(0);
    expect(frame.timestamp).toBeGreaterThan(askedMs - 3000);
    const keyframe = await client().frame({ device_id: 'long-groups', key_frame_only: true, wait_ms: 5000 });
    expect([keyframe.is_keyframe, keyframe.packet]).toEqual([true, 0]);
  });

  it('gets an empty answer when it does not wait and there is no frame', async () => {
    await scene.idle('hevc');
    const frame = await client().frame({ device_id: 'hevc', wait_ms: -1 });
    expect(frame.data.length).toBe(0);
  });

  describe('with an output format', () => {
    const formats: [
      FrameRequest,
      { width: number; height: number; dims: number[]; form: Parameters<typeof convertToBgr>[1] | 'bgr24' },
    ][] = [
      [{ width: 320 }, { width: 320, height: 240, dims: [240, 320, 3], form: 'bgr24' }],
      [
        { height: 360, format: 'RGB24' },
        { width: 480, height: 360, dims: [360, 480, 3], form: 'rgb24' },
      ],
      [
        { width: 416, height: 416, format: 'GRAY8' },
        { width: 416, height: 416, dims: [416, 416], form: 'gray' },
      ],
      [{ format: 'I420' }, { width: 640, height: 480, dims: [720, 640], form: 'yuv420p' }],
      [
        { width: 321, format: 'I420' },
        { width: 320, height: 240, dims: [360, 320], form: 'yuv420p' },
      ],
      [{ width: 1280 }, { width: 640, height: 480, dims: [480, 640, 3], form: 'bgr24' }],
      [
        { width: 1280, enlarge: true },
        { width: 1280, height: 960, dims: [960, 1280, 3], form: 'bgr24' },
      ],
      [
        { width: 480, format: 'JPEG', quality: 90 },
        { width: 480, height: 360, dims: [], form: 'jpeg' },
      ],
    ];

    it.each(formats)('%o gets every picture in it', async (format, { width, height, dims, form }) => {
      const taken = await takeEachStep(client(), { device_id: 'plain', ...format }, GOP);
      expect(outOfOrder(taken)).toEqual([]);
      for (const { frame } of taken) {
        expect([frame.width, frame.height, frame.format]).toEqual([width, height, format.format ?? 'BGR24']);
        const sizes = frame.shape?.dim.map(({ size }) => size);
        expect(sizes).toEqual(form === 'jpeg' ? [frame.data.length] : dims);
      }
      const { frame } = taken.at(-1)!;
      const bgr = form === 'bgr24' ? frame.data : await convertToBgr(frame.data, form, width, height);
      expect(readBarcode(bgr, width, height)).toBe((((frame.keyframe - 1) * GOP) % CLIP_FRAMES) + frame.packet);
    });

    it('shares the conversion with callers of the same format, and one format more than the maximum is refused', async () => {
      const callers = Array.from({ length: 8 }, () => client());
      const { packets, frames_published } = await growth('other', async () => {
        await Promise.all(callers.map((one) => take(one, { device_id: 'other', width: 200 }, 25)));
      });
      // The plain output may be in demand, too.
      expect(frames_published).toBeLessThan(3 * packets);
      for (let width = 201; width < 215; width += 1) await client().frame({ device_id: 'other', width });
      const { code, details } = await failure(client().frame({ device_id: 'other', width: 300 }));
      expect(code).toBe(status.RESOURCE_EXHAUSTED);
      expect(details).toContain('16 different sizes or formats');
    });
  });

  it('gets consecutive frame ids, the arrival time, and the time by the clock of the camera', async () => {
    const one = client();
    await take(one, { device_id: 'reordered' }, 10);
    const taken = await take(one, { device_id: 'reordered' }, 60);
    for (const [index, { frame }] of taken.entries()) {
      const before = taken[index - 1]?.frame;
      if (before !== undefined) expect(frame.frame_id).toBe(before.frame_id + frame.skipped + 1);
      expect(Math.floor(frame.arrival_us / 1000)).toBe(frame.timestamp);
    }
    const last = await waitFor('a sender report', BOUND_MS, async () => {
      const frame = await one.frame({ device_id: 'reordered' });
      return frame.sender_us > 0 && frame;
    });
    // The farm uses the clock of this machine.
    expect(Math.abs(last.sender_us - last.arrival_us)).toBeLessThan(20_000_000);
  });

  it('never gets a frame id twice, even after the proxy is killed', async () => {
    const one = client();
    const before = await take(one, { device_id: 'plain' }, 3);
    await scene.proxy.kill9();
    await scene.proxy.resume();
    await scene.running('plain');
    const after = await take(one, { device_id: 'plain' }, 3);
    expect(after[0]?.frame.frame_id).toBeGreaterThan(before.at(-1)?.frame.frame_id ?? Infinity);
  });
});

describe('VideoStream', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    // A reader cannot buffer much of frames of 6 MB.
    scene = await FarmScene.start({ small: 'h264-640x480-25-g50', large: 'h264-1920x1080-25-g50' });
  });
  afterAll(async () => {
    await scene.dispose();
  });

  const listenTo = (request: FrameRequest): Listener => listen(scene.client, request);

  it('pushes every frame, in order', async () => {
    const taken = await listenForEachStep(scene.client, { device_id: 'small' }, GOP);
    expect(pictureFaults(taken, CLIP_FRAMES)).toEqual([]);
  });

  it('gives a reader that lags the newest frame, and counts what it skips', async () => {
    const listener = listenTo({ device_id: 'large' });
    await waitFor('a frame', BOUND_MS, () => listener.taken.length > 0);
    listener.pause();
    const { stats: before } = await scene.state('large');
    await scene.until('large', 'publishes 100 frames', ({ stats }) => {
      return stats.frames_published >= before.frames_published + 100;
    });
    const resumedMs = Date.now();
    listener.resume();
    await waitFor('a frame of after the pause', BOUND_MS, () => {
      return (listener.taken.at(-1)?.frame.timestamp ?? 0) > resumedMs;
    });
    listener.stop();
    expect(pictureFaults(listener.taken, CLIP_FRAMES)).toEqual([]);
    expect(listener.taken.reduce((sum, { frame }) => sum + frame.skipped, 0)).toBeGreaterThan(GOP);
  });

  it('goes on after the camera was away, and ends when the camera is removed', async () => {
    const { taken, ended } = listenTo({ device_id: 'large', interval_ms: 200 });
    await waitFor('a frame', BOUND_MS, () => taken.length > 0);
    await scene.farm.kill();
    await scene.until('large', 'is away', ({ phase }) => phase !== 'running');
    const before = taken.length;
    await scene.farm.restart();
    await waitFor('new frames', BOUND_MS, () => taken.length > before + 3);
    const ids = taken.map(({ frame }) => frame.frame_id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    await scene.proxy.removeCamera('large');
    expect(await ended).toBe(status.NOT_FOUND);
  });

  it('fails at once for a camera that is unknown or not connected', async () => {
    expect(await listenTo({ device_id: 'nobody' }).ended).toBe(status.NOT_FOUND);
    await scene.proxy.addCamera('away', 'rtsp://127.0.0.1:1/away');
    expect(await listenTo({ device_id: 'away' }).ended).toBe(status.UNAVAILABLE);
  });
});
