/** The farm itself: if it sends wrong pictures, every other test is worthless. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { decodeBgr } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';

const H264 = 'h264-640x480-25-g50';

describe('the camera farm', () => {
  let farm: Farm;

  beforeAll(async () => {
    farm = await Farm.start({
      mounts: [
        { path: 'h264', clip: H264 },
        { path: 'hevc', clip: 'hevc-640x360-25-g50' },
        { path: 'reordered', clip: 'h264-640x480-25-g50-b2' },
        { path: 'growing', clip: H264, then: { clip: 'h264-1280x720-25-g50', after: 30 } },
        { path: 'short', clip: 'h264-640x480-25-g25-1s' },
        { path: 'locked', clip: H264, user: 'viewer', password: 'secret' },
      ],
    });
  });

  afterAll(async () => {
    await farm.stop();
  });

  it.each([
    ['h264', 480],
    ['hevc', 360],
    ['reordered', 480],
    ['locked', 480],
  ])('plays its clip from the first picture: %s', async (path, height) => {
    const pictures = await decodeBgr(farm.url(path), 640, height, 60);
    expect(pictures.map((picture) => readBarcode(picture, 640, height))).toEqual(
      Array.from({ length: 60 }, (_, n) => n),
    );
  });

  it('starts again after the last picture', async () => {
    const pictures = await decodeBgr(farm.url('short'), 640, 480, 60);
    expect(pictures.map((picture) => readBarcode(picture, 640, 480))).toEqual(
      Array.from({ length: 60 }, (_, n) => n % 25),
    );
  });

  it('changes to the other clip at the end of a group of pictures', async () => {
    // FFmpeg scales the larger pictures to the size of the first; their barcodes survive that.
    const pictures = await decodeBgr(farm.url('growing'), 640, 480, 70);
    expect(pictures.map((picture) => readBarcode(picture, 640, 480))).toEqual(
      Array.from({ length: 70 }, (_, n) => n % 50),
    );
  });

  it('stores when each picture was sent', () => {
    const ageMs = Date.now() - farm.pushedAtUs('h264', 10) / 1000;
    expect(ageMs).toBeGreaterThan(0);
    expect(ageMs).toBeLessThan(10 * 60_000);
  });

  it('refuses a wrong password', async () => {
    await expect(decodeBgr(farm.url('locked', 'viewer:wrong'), 640, 480, 1)).rejects.toThrow(/401/);
  });

  it('listens at the same address after a restart', async () => {
    const url = farm.url('h264');
    await farm.kill();
    await expect(decodeBgr(url, 640, 480, 1)).rejects.toThrow(/refused/);
    await farm.restart();
    expect(await decodeBgr(url, 640, 480, 1)).toHaveLength(1);
    await waitFor('the client to be gone', 30_000, async () => (await farm.counts()).clients === 0);
  });
});

describe('the barcode', () => {
  it('is torn when the halves of two pictures are mixed', async () => {
    const farm = await Farm.start({ mounts: [{ path: 'a', clip: H264 }] });
    try {
      const [first, second] = await decodeBgr(farm.url('a'), 640, 480, 2);
      if (first === undefined || second === undefined) throw new Error('two pictures were expected');
      const half = first.length / 2;
      expect(readBarcode(Buffer.concat([first.subarray(0, half), second.subarray(half)]), 640, 480)).toBe('torn');
      expect(readBarcode(first.subarray(3), 640, 480)).toBe('torn');
    } finally {
      await farm.stop();
    }
  });
});
