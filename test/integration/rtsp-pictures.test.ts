/** MJPEG, unusual widths, and cameras that change codec or size: size, colours and files are right. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { clipFile, decodeBgr } from '../support/ffmpeg.js';
import { fileFaults } from '../support/picture-checks.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const HEVC = 'hevc-320x240-25-g25-4s';

const CAMERAS = {
  mjpeg: { video: { clip: 'mjpeg-320x240-25-g1-2s' } },
  'mjpeg-large': { video: { clip: 'mjpeg-2560x1440-25-g1-1s', fps: 2 } },
  'mjpeg-large-extension': { video: { clip: 'mjpeg-2560x1440-25-g1-1s', fps: 2, jpegSize: 'extension' } },
  'mjpeg-large-dimensions': { video: { clip: 'mjpeg-2560x1440-25-g1-1s', fps: 2, jpegSize: 'x-dimensions' } },
  'wide-854': { video: { clip: 'h264-854x480-25-g25-1s', fps: 5 } },
  'wide-1366': { video: { clip: 'h264-1366x768-25-g25-1s', fps: 5 } },
  'wide-500': { video: { clip: 'h264-500x280-25-g25-1s', fps: 5 } },
  'wide-1030': { video: { clip: 'h264-1030x580-25-g25-1s', fps: 5 } },
  'new-each-time': { video: { clip: ['h264-320x240-25-g25-4s', HEVC, 'h264-256x192-25-g25-1s'] } },
} satisfies Record<string, CameraOptions>;
type Name = keyof typeof CAMERAS;

let scene: FakeCameraScene<Name>;

beforeAll(async () => {
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } };
  scene = await FakeCameraScene.start<Name>(CAMERAS, { config });
});
afterAll(async () => {
  await scene.dispose();
});

describe('MJPEG', () => {
  it('has its size, and every picture arrives', async () => {
    await scene.running('mjpeg');
    expect((await scene.state('mjpeg')).stream).toMatchObject({ codec: 'mjpeg', width: 320, height: 240 });
    expect(await scene.faultsOf('mjpeg', 30, 50)).toEqual([]);
  });

  it('is recorded, or a message says that it is not', async () => {
    await waitFor('files or a message', 60_000, async () => {
      if (scene.files('mjpeg').length > 0) return true;
      return /MJPEG/i.test((await scene.state('mjpeg')).recording.message);
    });
  });

  it.each<Name>(['mjpeg-large', 'mjpeg-large-extension', 'mjpeg-large-dimensions'])(
    'beyond 2040 pixels has its right size: %s',
    async (name) => {
      await scene.until(name, 'has its size', ({ stream }) => stream?.width === 2560 && stream.height === 1440);
      const taken = await scene.take(name, 2, { wait_ms: 3000 });
      expect(taken.map(({ number }) => typeof number)).toEqual(['number', 'number']);
    },
  );
});

describe('a width that is not a multiple of 16', () => {
  it.each<[Name, string, number, number]>([
    ['wide-854', 'h264-854x480-25-g25-1s', 854, 480],
    ['wide-1366', 'h264-1366x768-25-g25-1s', 1366, 768],
    ['wide-500', 'h264-500x280-25-g25-1s', 500, 280],
    ['wide-1030', 'h264-1030x580-25-g25-1s', 1030, 580],
  ])('has its last columns: %s', async (name, clip, width, height) => {
    const reference = await decodeBgr(clipFile(clip), width, height, 25);
    const [taken] = await scene.take(name, 1, { wait_ms: 3000 });
    const expected = reference[Number(taken?.number)];
    if (taken === undefined || expected === undefined) throw new Error('no picture to compare');
    let maxDifference = 0;
    for (let row = 0; row < height; row += 1) {
      for (let at = (row * width + width - 8) * 3; at < (row + 1) * width * 3; at += 1) {
        maxDifference = Math.max(maxDifference, Math.abs((taken.frame.data[at] ?? 0) - (expected[at] ?? 0)));
      }
    }
    expect(maxDifference).toBeLessThanOrEqual(2);
  });
});

describe('a camera that reconnects with another codec or size', () => {
  it('runs again, and no file mixes both', async () => {
    const sizes: [string, number][] = [
      ['h264', 320],
      ['hevc', 320],
      ['h264', 256],
    ];
    for (const [codec, width] of sizes) {
      await scene.until('new-each-time', `is ${codec} ${width}`, ({ phase, stream }) => {
        return phase === 'running' && stream?.codec === codec && stream.width === width;
      });
      const known = scene.files('new-each-time').length;
      const files = (await scene.recorded('new-each-time', known + 3)).slice(known + 1, known + 3);
      const height = width === 256 ? 192 : 240;
      const clip = { width, height, codec, clipFrames: width === 256 ? 25 : 100 };
      expect(await fileFaults(files, clip)).toEqual([]);
      await scene.cameras.disconnect('new-each-time');
    }
  });
});
