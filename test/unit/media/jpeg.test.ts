import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { encodeJpeg } from '../../../src/media/jpeg.js';

type Bgr = readonly [number, number, number];

function picture(width: number, height: number, colour: (x: number, y: number) => Bgr): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      pixels.set(colour(x, y), (y * width + x) * 3);
    }
  }
  return pixels;
}

/** Decodes with ffmpeg, which is not the code under test. */
function decode(jpeg: Buffer): { width: number; height: number; pixels: Buffer } {
  const probe = spawnSync('ffprobe', ['-v', 'error', '-of', 'csv=p=0', '-show_entries', 'stream=width,height', '-'], {
    input: jpeg,
    encoding: 'utf8',
  });
  const [width = 0, height = 0] = probe.stdout.trim().split(',').map(Number);
  const raw = spawnSync('ffmpeg', ['-v', 'error', '-i', '-', '-f', 'rawvideo', '-pix_fmt', 'bgr24', '-'], {
    input: jpeg,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { width, height, pixels: raw.stdout };
}

/** The largest difference of any byte from the colour. */
function maxDifference(pixels: Buffer, colour: Bgr): number {
  return pixels.reduce((max, value, index) => Math.max(max, Math.abs(value - (colour[index % 3] ?? 0))), 0);
}

const COLOURS: readonly (readonly [string, Bgr])[] = [
  ['red', [0, 0, 255]],
  ['green', [0, 255, 0]],
  ['blue', [255, 0, 0]],
  ['black', [0, 0, 0]],
  ['white', [255, 255, 255]],
  ['a mixed colour', [10, 20, 230]],
];

describe('encodeJpeg', { timeout: 60_000 }, () => {
  it.each(COLOURS)('keeps %s', async (_name, colour) => {
    const bgr24 = picture(64, 48, () => colour);
    const decoded = decode(await encodeJpeg({ bgr24, width: 64, height: 48 }));
    expect(decoded).toMatchObject({ width: 64, height: 48 });
    expect(decoded.pixels.length).toBe(64 * 48 * 3);
    expect(maxDifference(decoded.pixels, colour)).toBeLessThanOrEqual(3);
  });

  it.each([
    [1, 1],
    [33, 17],
    [641, 361],
    [2, 301],
  ])('supports odd sizes: %ix%i', async (width, height) => {
    const bgr24 = picture(width, height, () => [200, 100, 50]);
    const decoded = decode(await encodeJpeg({ bgr24, width, height }));
    expect(decoded).toMatchObject({ width, height });
    expect(maxDifference(decoded.pixels, [200, 100, 50])).toBeLessThanOrEqual(3);
  });

  it('keeps left and right, and top and bottom', async () => {
    const bgr24 = picture(128, 64, (x, y) => (x < 64 ? [0, 0, 255] : y < 32 ? [0, 255, 0] : [255, 0, 0]));
    const { pixels } = decode(await encodeJpeg({ bgr24, width: 128, height: 64 }));
    const at = (x: number, y: number): Buffer => pixels.subarray((y * 128 + x) * 3, (y * 128 + x) * 3 + 3);
    expect(maxDifference(at(10, 32), [0, 0, 255])).toBeLessThanOrEqual(3);
    expect(maxDifference(at(110, 10), [0, 255, 0])).toBeLessThanOrEqual(3);
    expect(maxDifference(at(110, 54), [255, 0, 0])).toBeLessThanOrEqual(3);
  });

  it.each([
    [320, 180],
    [161, 91],
    [5000, 640 * (9 / 16)],
  ])('scales to width %i with the same aspect, and never up', async (outWidth, outHeight) => {
    const bgr24 = picture(640, 360, () => [0, 255, 0]);
    const decoded = decode(await encodeJpeg({ bgr24, width: 640, height: 360, outWidth }));
    expect(decoded).toMatchObject({ width: Math.min(640, outWidth), height: outHeight });
    expect(maxDifference(decoded.pixels, [0, 255, 0])).toBeLessThanOrEqual(3);
  });

  it('makes smaller files for a lower quality', async () => {
    const bgr24 = picture(160, 120, (x, y) => [(x * 7) % 256, (y * 11) % 256, (x * y) % 256]);
    const good = await encodeJpeg({ bgr24, width: 160, height: 120, quality: 95 });
    const small = await encodeJpeg({ bgr24, width: 160, height: 120, quality: 20 });
    expect(small.length).toBeLessThan(good.length / 2);
  });

  it('does not mix up pictures that are encoded at the same time', async () => {
    const jobs = COLOURS.flatMap(([, colour]) =>
      [48, 64].map(async (width) => ({
        colour,
        decoded: decode(await encodeJpeg({ bgr24: picture(width, 32, () => colour), width, height: 32 })),
      })),
    );
    for (const { colour, decoded } of await Promise.all(jobs)) {
      expect(maxDifference(decoded.pixels, colour)).toBeLessThanOrEqual(3);
    }
  });

  it('refuses a picture whose number of bytes does not match its size', async () => {
    await expect(encodeJpeg({ bgr24: Buffer.alloc(10), width: 4, height: 4 })).rejects.toMatchObject({
      kind: 'invalid_argument',
      message: 'A BGR24 picture of 4x4 does not have 10 bytes.',
    });
  });

  it('refuses pictures when too many wait, and works again afterwards', async () => {
    const bgr24 = picture(64, 48, () => [0, 0, 0]);
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, () => encodeJpeg({ bgr24, width: 64, height: 48 })),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBe(60 - 34);
    expect(refused[0]?.reason).toMatchObject({ kind: 'resource_exhausted' });
    await encodeJpeg({ bgr24, width: 64, height: 48 });
  });

  it('does not leak memory over hundreds of pictures', async () => {
    const bgr24 = picture(640, 360, () => [1, 2, 3]);
    const run = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        await encodeJpeg({ bgr24, width: 640, height: 360, outWidth: 300 + (index % 8) });
      }
    };
    await run(200);
    const before = process.memoryUsage().rss;
    await run(300);
    // 300 pictures of 0.7 MB: a leak of one frame each would be 200 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  });
});
