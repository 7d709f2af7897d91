/** Pictures from a real camera to a real client: whole, in order, none twice, and described as the contract says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { clipFile, decodeBgr, meanDifference } from '../support/ffmpeg.js';
import { type Frame, type Generation, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { pythonClient } from '../support/python.js';
import { waitFor } from '../support/wait.js';
import { leastMissed, misplaced, missed, outOfOrder, take, type Taken } from '../support/take.js';

const FPS = 25;
const GOP = 50;
const CLIP_FRAMES = 300;
const H264 = 'h264-640x480-25-g50';
const HEVC = 'hevc-640x360-25-g50';
const ATTEMPTS = 5;
/** Less than one in each group of pictures, which is what a fault of the decoder or the ring would cost. */
const MAY_MISS = 1;
/** Pictures that a caller takes before the ones that are judged: until then decoding catches up with the camera. */
const WARM_UP = 10;

describe('a caller of a camera', () => {
  let farm: Farm;
  let proxy: Proxy;
  const clients: ImageClient[] = [];

  function client(generation: Generation): ImageClient {
    const made = new ImageClient(proxy.grpcAddress, generation);
    clients.push(made);
    return made;
  }

  beforeAll(async () => {
    const mounts = [
      { path: 'h264', clip: H264 },
      { path: 'hevc', clip: HEVC },
      { path: 'reordered', clip: 'h264-640x480-25-g50-b2' },
      { path: 'long-groups', clip: 'h264-640x480-25-g250-10s' },
      { path: 'full-hd', clip: 'h264-1920x1080-25-g50' },
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

  describe.each<Generation>(['unary', 'bidirectional'])('that is %s', (generation) => {
    it.each(['h264', 'hevc', 'reordered'])('gets all pictures of %s whole, in order, none twice', async (device) => {
      const one = client(generation);
      expect(
        await leastMissed(ATTEMPTS, async () => missed(await takeInOrder(one, device, 100), FPS)),
      ).toBeLessThanOrEqual(MAY_MISS);
    });

    it('gets the large pictures of full-hd whole, in order, none twice', async () => {
      await takeInOrder(client(generation), 'full-hd', 100);
    });

    it('gets only keyframes when it asks for them, and all of them', async () => {
      const taken = await take(client(generation), { device_id: 'h264', key_frame_only: true }, 4);
      expect(taken.map(({ frame }) => frame.is_keyframe)).toEqual([true, true, true, true]);
      const first = taken[0]?.frame.keyframe ?? 0;
      expect(taken.map(({ frame }) => frame.keyframe)).toEqual([first, first + 1, first + 2, first + 3]);
    });
  });

  it('is told what each picture is', async () => {
    const taken = await take(client('unary'), { device_id: 'h264' }, 2 * GOP + 10);
    for (const { frame, number } of taken) {
      const index = Number(number) % GOP;
      expect(describeFrame(frame)).toEqual({
        width: 640,
        height: 480,
        bytes: 640 * 480 * 3,
        shape: [
          [480, '0'],
          [640, '1'],
          [3, '2'],
        ],
        is_keyframe: index === 0,
        frame_type: index === 0 ? 'I' : 'P',
        packet: index,
        is_corrupt: false,
        device_id: 'h264',
        time_base: 1 / 90_000,
      });
    }
    for (const [index, { frame }] of taken.entries()) {
      const before = taken[index - 1]?.frame;
      if (before !== undefined) expect(frame.keyframe - before.keyframe).toBe(frame.packet < before.packet ? 1 : 0);
    }
    expect(taken.map(({ frame }) => frame.keyframe).at(0)).toBeGreaterThan(0);
  });

  it('is told when the picture came', async () => {
    const taken = await take(client('unary'), { device_id: 'h264' }, 25);
    for (const { frame, receivedMs } of taken.slice(5)) {
      expect(receivedMs - frame.timestamp).toBeGreaterThanOrEqual(0);
      expect(receivedMs - frame.timestamp).toBeLessThan(2000);
    }
  });

  it('gets B-frames at their place', async () => {
    const taken = await take(client('unary'), { device_id: 'reordered' }, 60);
    expect(new Set(taken.map(({ frame }) => frame.frame_type))).toEqual(new Set(['I', 'P', 'B']));
  });

  it('gets a new picture although nobody has asked for a while, and not the start of its group', async () => {
    const one = client('unary');
    await take(one, { device_id: 'long-groups' }, 1);
    await waitFor(
      'decoding to rest',
      30_000,
      async () => (await proxy.camera('long-groups')).chrysproxy.stats.decoding === 'idle',
    );
    const [taken] = await take(one, { device_id: 'long-groups' }, 1);
    expect((taken?.receivedMs ?? 0) - (taken?.frame.timestamp ?? 0)).toBeLessThan(1000);
  });

  it.each([
    ['h264', H264, 480],
    ['hevc', HEVC, 360],
  ])('gets the colours that FFmpeg makes of %s', async (device, clip, height) => {
    const reference = await decodeBgr(clipFile(clip), 640, height, CLIP_FRAMES);
    const taken = await take(client('unary'), { device_id: device }, 12);
    for (const { number, frame } of taken) {
      const expected = reference[Number(number)];
      if (expected === undefined) throw new Error(`FFmpeg has no picture ${number}`);
      expect(meanDifference(frame.data, expected)).toBeLessThanOrEqual(2);
    }
  });

  it('is not disturbed by others', async () => {
    const together = async (): Promise<number> => {
      const [all, alsoAll, keyframes, python] = await Promise.all([
        takeInOrder(client('unary'), 'h264', 100),
        takeInOrder(client('bidirectional'), 'h264', 100),
        take(client('unary'), { device_id: 'h264', key_frame_only: true }, 2),
        pythonClient(proxy.grpcAddress, ...['--bidi', '--device', 'h264', '--frames', '100', '--verify']),
      ]);
      expect(python.complaints).toMatch(/^(missing: \d+\n)?$/);
      expect(python.lines).toHaveLength(100);
      expect(keyframes.every(({ frame }) => frame.is_keyframe)).toBe(true);
      return missed(all, FPS) + missed(alsoAll, FPS);
    };
    expect(await leastMissed(ATTEMPTS, together)).toBeLessThanOrEqual(MAY_MISS);
  });
});

async function takeInOrder(one: ImageClient, device: string, count: number): Promise<Taken[]> {
  await take(one, { device_id: device }, WARM_UP);
  const taken = await take(one, { device_id: device }, count);
  expect(outOfOrder(taken)).toEqual([]);
  expect(misplaced(taken, FPS, CLIP_FRAMES).map(({ number, frame }) => [number, frame.pts])).toEqual([]);
  return taken;
}

function describeFrame(frame: Frame): object {
  return {
    width: frame.width,
    height: frame.height,
    bytes: frame.data.length,
    shape: frame.shape?.dim.map(({ size, name }) => [size, name]),
    is_keyframe: frame.is_keyframe,
    frame_type: frame.frame_type,
    packet: frame.packet,
    is_corrupt: frame.is_corrupt,
    device_id: frame.device_id,
    time_base: frame.time_base,
  };
}
