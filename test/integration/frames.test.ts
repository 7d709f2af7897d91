/** Live pictures from a camera to a client: whole, in order, none twice, and with the fields that the contract names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clipFile, decodeBgr, meanDifference } from '../support/ffmpeg.js';
import type { Frame, Generation, ImageClient } from '../support/grpc-client.js';
import { pictureFaults } from '../support/picture-checks.js';
import { pythonClient } from '../support/python.js';
import { FarmScene } from '../support/scene.js';
import { misplaced, take, takeEachStep, type Taken } from '../support/take.js';

const FPS = 25;
const GOP = 50;
const CLIP_FRAMES = 300;
const H264 = 'h264-640x480-25-g50';
const HEVC = 'hevc-640x360-25-g50';

describe('a caller of a camera', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await FarmScene.start({
      h264: H264,
      hevc: HEVC,
      reordered: 'h264-640x480-25-g50-b2',
      'long-groups': 'h264-640x480-25-g250-10s',
      'full-hd': 'h264-1920x1080-25-g50',
    });
  });
  afterAll(async () => {
    await scene.dispose();
  });

  describe.each<Generation>(['unary', 'bidirectional'])('whose call is %s', (generation) => {
    it.each(['h264', 'hevc', 'reordered'])('gets every picture of %s whole, in order, none twice', async (device) => {
      await expectEveryPicture(scene.newClient(generation), device);
    });

    it('gets large pictures whole, in order, none twice, and is told how many it skips', async () => {
      const taken = await take(scene.newClient(generation), { device_id: 'full-hd' }, 60);
      expect(pictureFaults(taken, CLIP_FRAMES)).toEqual([]);
      expect(placesOf(misplaced(taken, FPS, CLIP_FRAMES))).toEqual([]);
    });

    it('gets every keyframe and nothing else when it asks for keyframes', async () => {
      const taken = await take(scene.newClient(generation), { device_id: 'h264', key_frame_only: true }, 4);
      expect(taken.map(({ frame }) => frame.is_keyframe)).toEqual([true, true, true, true]);
      const first = taken[0]?.frame.keyframe ?? 0;
      expect(taken.map(({ frame }) => frame.keyframe)).toEqual([first, first + 1, first + 2, first + 3]);
    });
  });

  it('gets size, type and place of each picture', async () => {
    const taken = await take(scene.newClient(), { device_id: 'h264' }, 2 * GOP + 10);
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
      // A caller that a busy machine delays may skip a whole group.
      if (before !== undefined) expect(placeOf(frame) - placeOf(before)).toBe(1 + frame.skipped);
    }
    expect(taken.map(({ frame }) => frame.keyframe).at(0)).toBeGreaterThan(0);
  });

  it('gets the arrival time of each picture', async () => {
    const pushedMs = (number: number | 'torn'): number => scene.farm.pushedAtUs('h264', Number(number)) / 1000;
    for (const { frame, number, receivedMs } of await take(scene.newClient(), { device_id: 'h264' }, 25)) {
      expect(frame.timestamp).toBeLessThanOrEqual(receivedMs);
      expect(frame.timestamp).toBeGreaterThanOrEqual(Math.floor(pushedMs(number)));
    }
  });

  it('gets B-frames at their place', async () => {
    const taken = await takeEachStep(scene.newClient(), { device_id: 'reordered' }, GOP);
    expect(new Set(taken.map(({ frame }) => frame.frame_type))).toEqual(new Set(['I', 'P', 'B']));
  });

  it('gets a new picture although decoding was idle, and not the first picture of the group', async () => {
    const one = scene.newClient();
    await take(one, { device_id: 'long-groups' }, 1);
    await scene.idle('long-groups');
    const askedMs = Date.now();
    const [taken] = await take(one, { device_id: 'long-groups' }, 1);
    // Groups last 10 s. Half a group is more than a busy machine needs, and less than the age of an old picture mostly is.
    expect(taken?.frame.timestamp).toBeGreaterThan(askedMs - 5000);
  });

  it.each([
    ['h264', H264, 480],
    ['hevc', HEVC, 360],
  ])('gets the colours of %s that FFmpeg decodes', async (device, clip, height) => {
    const reference = await decodeBgr(clipFile(clip), 640, height, CLIP_FRAMES);
    const taken = await take(scene.newClient(), { device_id: device }, 12);
    for (const { number, frame } of taken) {
      const expected = reference[Number(number)];
      if (expected === undefined) throw new Error(`FFmpeg has no picture ${number}`);
      expect(meanDifference(frame.data, expected)).toBeLessThanOrEqual(2);
    }
  });

  it('is not disturbed by other callers', async () => {
    const [, , keyframes, python] = await Promise.all([
      expectEveryPicture(scene.newClient('unary'), 'h264'),
      expectEveryPicture(scene.newClient('bidirectional'), 'h264'),
      take(scene.newClient(), { device_id: 'h264', key_frame_only: true }, 2),
      pythonClient(scene.proxy.grpcAddress, ...['--bidi', '--device', 'h264', '--frames', '100', '--verify']),
    ]);
    expect(python.complaints).toBe('');
    expect(python.lines).toHaveLength(100);
    expect(keyframes.every(({ frame }) => frame.is_keyframe)).toBe(true);
  });
});

/** Each picture of a group comes, with the number that its pts and `skipped` call for. */
async function expectEveryPicture(one: ImageClient, device: string): Promise<void> {
  const taken = await takeEachStep(one, { device_id: device }, GOP);
  expect(pictureFaults(taken, CLIP_FRAMES)).toEqual([]);
  expect(placesOf(misplaced(taken, FPS, CLIP_FRAMES))).toEqual([]);
}

function placesOf(taken: readonly Taken[]): unknown[] {
  return taken.map(({ number, frame }) => [number, frame.pts]);
}

/** Number of the picture since the camera connected. */
function placeOf({ keyframe, packet }: Frame): number {
  return keyframe * GOP + packet;
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
