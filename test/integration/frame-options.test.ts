/** Each caller gets frames on its own terms, and the camera's thread decodes no more than all terms together need. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { convertToBgr } from '../support/ffmpeg.js';
import { failure, type Frame, type FrameRequest, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { outOfOrder, take, type Taken } from '../support/take.js';
import { pause, waitFor } from '../support/wait.js';

const FPS = 25;
const GOP = 50;
const CLIP_FRAMES = 300;
const BOUND_MS = 30_000;

describe('a caller with terms', () => {
  let farm: Farm;
  let proxy: Proxy;
  const clients: ImageClient[] = [];

  function client(): ImageClient {
    const made = new ImageClient(proxy.grpcAddress, 'unary');
    clients.push(made);
    return made;
  }

  async function stats(name: string): Promise<Record<string, number>> {
    return (await proxy.camera(name)).chrysproxy.stats as unknown as Record<string, number>;
  }

  /** Frames decoded per packet that came while `body` ran. */
  async function decodedShare(name: string, body: () => Promise<unknown>): Promise<number> {
    const before = await stats(name);
    await body();
    const after = await stats(name);
    const grown = (key: string): number => (after[key] ?? NaN) - (before[key] ?? NaN);
    return grown('frames_decoded') / grown('packets');
  }

  /** Nobody has asked for long enough that nothing is decoded any more. */
  async function isIdle(name: string): Promise<void> {
    await waitFor(`${name} to be idle`, BOUND_MS, async () => {
      const camera = await proxy.camera(name);
      return camera.chrysproxy.stats.decoding === 'idle';
    });
  }

  beforeAll(async () => {
    const mounts = [
      { path: 'plain', clip: 'h264-640x480-25-g50' },
      { path: 'other', clip: 'h264-640x480-25-g50' },
      { path: 'third', clip: 'h264-640x480-25-g50' },
      { path: 'reordered', clip: 'h264-640x480-25-g50-b2' },
      { path: 'hevc', clip: 'hevc-640x360-25-g50' },
      { path: 'long-groups', clip: 'h264-640x480-25-g250-10s' },
    ];
    farm = await Farm.start({ mounts });
    proxy = await Proxy.start();
    for (const { path } of mounts) await proxy.addCamera(path, farm.url(path));
    for (const { path } of mounts) await proxy.cameraIsRunning(path);
  });

  afterAll(async () => {
    for (const one of clients) one.close();
    await proxy.dispose();
    await farm.stop();
  });

  it.each(['plain', 'reordered', 'hevc'])(
    'of an interval gets a frame a second of %s, and half is decoded',
    async (name) => {
      const one = client();
      const request = { device_id: name, interval_ms: 1000, wait_ms: 5000 };
      // Until it is in step with the keyframes.
      await take(one, request, 4);
      let taken: Taken[] = [];
      const share = await decodedShare(name, async () => {
        taken = await take(one, request, 6);
      });
      expect(outOfOrder(taken)).toEqual([]);
      const ids = taken.map(({ frame }) => frame.frame_id);
      expect(ids.slice(1).map((id, index) => id - (ids[index] ?? 0))).toEqual([FPS, FPS, FPS, FPS, FPS]);
      const steps = taken
        .slice(1)
        .map(({ number }, index) => (Number(number) - Number(taken[index]?.number) + CLIP_FRAMES) % CLIP_FRAMES);
      expect(steps).toEqual([FPS, FPS, FPS, FPS, FPS]);
      expect(taken.map(({ frame }) => frame.skipped)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(share).toBeLessThan(0.65);
    },
  );

  it('of an interval longer than a group costs keyframes alone', async () => {
    await isIdle('other');
    const one = client();
    await take(one, { device_id: 'other', interval_ms: 4000, wait_ms: 10_000 }, 2);
    let taken: Taken[] = [];
    const share = await decodedShare('other', async () => {
      taken = await take(one, { device_id: 'other', interval_ms: 4000, wait_ms: 10_000 }, 2);
    });
    expect(taken.map(({ frame }) => frame.is_keyframe)).toEqual([true, true]);
    expect(share).toBeLessThan(0.06);
  });

  it('for keyframes gets no other frame, and all of them, while another takes every frame over the same connection', async () => {
    const one = client();
    const every = { on: true };
    const busy = (async () => {
      let frames = 0;
      while (every.on) frames += (await one.frame({ device_id: 'third' })).data.length > 0 ? 1 : 0;
      return frames;
    })();
    const taken = await take(one, { device_id: 'third', key_frame_only: true, wait_ms: 5000 }, 4);
    every.on = false;
    expect(await busy).toBeGreaterThan(2 * GOP);
    expect(taken.map(({ frame }) => frame.is_keyframe)).toEqual([true, true, true, true]);
    const first = taken[0]?.frame.keyframe ?? 0;
    expect(taken.map(({ frame }) => frame.keyframe)).toEqual([first, first + 1, first + 2, first + 3]);
  });

  it('who comes in mid-group gets a frame of now, and need not wait for the next keyframe', async () => {
    await isIdle('long-groups');
    const one = client();
    const frame = await waitFor('the middle of a group', 2 * BOUND_MS, async () => {
      await isIdle('long-groups');
      const got = await one.frame({ device_id: 'long-groups', interval_ms: 2000, wait_ms: 3000 });
      if (got.packet > 25) return got;
      // Demand lasts as long as a group: without that, the next try would come at the same place of one.
      await pause(3000);
      return undefined;
    });
    expect(frame.data.length).toBeGreaterThan(0);
    expect(Date.now() - frame.timestamp).toBeLessThan(3000);
    const keyframe = await client().frame({ device_id: 'long-groups', key_frame_only: true, wait_ms: 3000 });
    expect([keyframe.is_keyframe, keyframe.packet]).toEqual([true, 0]);
  });

  it('that wants it at once is told that there is nothing', async () => {
    await isIdle('hevc');
    const frame = await client().frame({ device_id: 'hevc', wait_ms: -1 });
    expect(frame.data.length).toBe(0);
  });

  describe('of a look', () => {
    const looks: [
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

    it.each(looks)('%o gets every picture so', async (terms, { width, height, dims, form }) => {
      const one = client();
      await one.frame({ device_id: 'plain', ...terms });
      const frames: Frame[] = [];
      while (frames.length < 30) {
        const frame = await one.frame({ device_id: 'plain', ...terms });
        if (frame.data.length > 0) frames.push(frame);
      }
      expect(frames.map(({ skipped }) => skipped).reduce((sum, skipped) => sum + skipped)).toBeLessThanOrEqual(3);
      for (const frame of frames) {
        expect([frame.width, frame.height, frame.format]).toEqual([width, height, terms.format ?? 'BGR24']);
        const sizes = frame.shape?.dim.map(({ size }) => size);
        expect(sizes).toEqual(form === 'jpeg' ? [frame.data.length] : dims);
      }
      const frame = frames.at(-1);
      if (frame === undefined) throw new Error('no frame');
      const bgr = form === 'bgr24' ? frame.data : await convertToBgr(frame.data, form, width, height);
      expect(readBarcode(bgr, width, height)).toBe((((frame.keyframe - 1) * GOP) % CLIP_FRAMES) + frame.packet);
    });

    it('shares one conversion with others of the same look, and more looks than there are outputs are refused', async () => {
      const others = Array.from({ length: 8 }, () => client());
      const before = await stats('other');
      await Promise.all(others.map((one) => take(one, { device_id: 'other', width: 200 }, 10)));
      const after = await stats('other');
      expect((after['frames_published'] ?? 0) - (before['frames_published'] ?? 0)).toBeLessThan(8 * 10);
      for (let width = 201; width < 215; width += 1) await client().frame({ device_id: 'other', width });
      const { code, details } = await failure(client().frame({ device_id: 'other', width: 300 }));
      expect(code).toBe(8);
      expect(details).toContain('16 different sizes or formats');
    });
  });

  it('is told frame ids without a gap, the arrival and what the camera says of its own clock', async () => {
    const one = client();
    await take(one, { device_id: 'reordered' }, 10);
    const taken = await take(one, { device_id: 'reordered' }, 60);
    let expected = taken[0]?.frame.frame_id ?? 0;
    for (const { frame } of taken) {
      expected += frame.skipped;
      expect(frame.frame_id).toBe(expected);
      expected += 1;
      expect(Math.floor(frame.arrival_us / 1000)).toBe(frame.timestamp);
    }
    const last = await waitFor('a sender report', BOUND_MS, async () => {
      const frame = await one.frame({ device_id: 'reordered' });
      return frame.sender_us > 0 && frame;
    });
    // The farm runs on this machine's clock.
    expect(Math.abs(last.sender_us - last.arrival_us)).toBeLessThan(5_000_000);
  });

  it('never gets a frame id again, also not after the proxy was killed', async () => {
    const one = client();
    const before = await take(one, { device_id: 'plain' }, 3);
    await proxy.kill9();
    await proxy.resume();
    await proxy.cameraIsRunning('plain');
    const after = await take(one, { device_id: 'plain' }, 3);
    expect(after[0]?.frame.frame_id).toBeGreaterThan(before.at(-1)?.frame.frame_id ?? Infinity);
  });
});

describe('VideoStream', () => {
  let farm: Farm;
  let proxy: Proxy;
  let one: ImageClient;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: [{ path: 'a', clip: 'h264-1920x1080-25-g50' }] });
    proxy = await Proxy.start();
    await proxy.addCamera('a', farm.url('a'));
    await proxy.cameraIsRunning('a');
    one = new ImageClient(proxy.grpcAddress, 'unary');
  });

  afterAll(async () => {
    one.close();
    await proxy.dispose();
    await farm.stop();
  });

  function listen(request: FrameRequest): {
    frames: Frame[];
    stop: () => void;
    ended: Promise<number>;
    pause: () => void;
    resume: () => void;
  } {
    const stream = one.frames('VideoStream', request);
    const frames: Frame[] = [];
    const ended = new Promise<number>((resolve) => {
      stream.on('status', ({ code }: { code: number }) => {
        resolve(code);
      });
    });
    stream.on('data', (frame: Frame) => frames.push(frame));
    stream.on('error', () => undefined);
    return {
      frames,
      stop: () => {
        stream.cancel();
      },
      ended,
      pause: () => stream.pause(),
      resume: () => stream.resume(),
    };
  }

  it('pushes every frame, in order', async () => {
    const stream = listen({ device_id: 'a' });
    await waitFor('75 frames', BOUND_MS, () => stream.frames.length >= 75);
    stream.stop();
    const [first] = stream.frames;
    if (first === undefined) throw new Error('no frame');
    let next = first.frame_id;
    for (const frame of stream.frames) {
      next += frame.skipped;
      expect(frame.frame_id).toBe(next);
      next += 1;
      expect(readBarcode(frame.data, frame.width, frame.height)).not.toBe('torn');
    }
    expect(stream.frames.reduce((sum, { skipped }) => sum + skipped, 0)).toBeLessThanOrEqual(5);
  });

  it('gives a reader that lags the newest frame, and counts what it missed', async () => {
    const stream = listen({ device_id: 'a' });
    await waitFor('a frame', BOUND_MS, () => stream.frames.length > 0);
    stream.pause();
    await pause(4000);
    const before = stream.frames.length;
    stream.resume();
    await waitFor('frames of after the pause', BOUND_MS, () => {
      const last = stream.frames.at(-1);
      return stream.frames.length > before && last !== undefined && Date.now() - last.timestamp < 500;
    });
    stream.stop();
    const skipped = stream.frames.reduce((sum, frame) => sum + frame.skipped, 0);
    const span = (stream.frames.at(-1)?.frame_id ?? 0) - (stream.frames[0]?.frame_id ?? 0);
    expect(skipped).toBeGreaterThan(10);
    expect(stream.frames.length - 1 + skipped).toBe(span);
  });

  it('goes on when the camera was away, and ends when it is removed', async () => {
    const stream = listen({ device_id: 'a', interval_ms: 200 });
    await waitFor('a frame', BOUND_MS, () => stream.frames.length > 0);
    await farm.kill();
    await waitFor('the camera to be away', BOUND_MS, async () => (await proxy.camera('a')).status !== 'running');
    const before = stream.frames.length;
    await farm.restart();
    await waitFor('frames again', BOUND_MS, () => stream.frames.length > before + 3);
    const ids = stream.frames.map(({ frame_id }) => frame_id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    await proxy.rest('DELETE', '/api/v1/process/a');
    expect(await stream.ended).toBe(5);
  });

  it('of a camera that is not there or not connected says so at once', async () => {
    expect(await listen({ device_id: 'nobody' }).ended).toBe(5);
    await proxy.addCamera('away', 'rtsp://127.0.0.1:1/away');
    expect(await listen({ device_id: 'away' }).ended).toBe(14);
  });
});
