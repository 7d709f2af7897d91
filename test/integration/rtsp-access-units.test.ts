/** Pictures are put together as cameras mean them: each once and whole, at clients and in files. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { clipFile, decodeBgr } from '../support/ffmpeg.js';
import { type ExpectedFiles, fileFaults, RtspScene } from '../support/rtsp-scene.js';
import { waitFor } from '../support/wait.js';

const HEVC = 'hevc-320x240-25-g25-4s';
const SECOND = 'h264-320x240-25-g25-1s';
const OTHER_SETS = 'h264-320x240-25-g25-1s-4000k';

const CLEAN = {
  'trailing-sei': { video: { trailingSei: true } },
  'trailing-sei-hevc': { video: { clip: HEVC, trailingSei: true } },
  'sets-previous-time': { video: { setsWithPreviousTime: true }, sdp: { sprop: 'none' } },
  'sets-previous-time-sdp': { video: { setsWithPreviousTime: true } },
  'sets-previous-time-hevc': { video: { clip: HEVC, setsWithPreviousTime: true }, sdp: { sprop: 'none' } },
  'start-codes-inside': { video: { annexBInNal: true } },
  aggregated: { video: { aggregate: true } },
  'aggregated-hevc': { video: { clip: HEVC, aggregate: true } },
  'odd-fragments': { video: { oddFragments: true } },
  'odd-fragments-hevc': { video: { clip: HEVC, oddFragments: true } },
  'much-sei': { video: { seiPerPicture: 60, accessUnitDelimiters: true } },
  'delimiters-hevc': { video: { clip: HEVC, accessUnitDelimiters: true } },
  slices: { video: { clip: 'h264-320x240-25-g25-slices4-4s' } },
  'marker-every-slice': { video: { clip: 'h264-320x240-25-g25-slices4-4s', markerEverySlice: true } },
  'marker-every-slice-hevc': { video: { clip: 'hevc-320x240-25-g25-slices4-4s', markerEverySlice: true } },
  reordered: { video: { clip: 'h264-320x240-25-g25-b2-4s' } },
  'no-sets-in-sdp': { sdp: { sprop: 'none' } },
  'no-sets-in-sdp-hevc': { video: { clip: HEVC }, sdp: { sprop: 'none' } },
  'empty-sets-in-sdp': { sdp: { sprop: 'empty' } },
  'half-sets-in-sdp': { sdp: { sprop: 'half' } },
  'other-sets-in-sdp': { sdp: { spropOf: 'h264-640x480-25-g25-1s' } },
  'sets-only-in-sdp': { video: { without: [7, 8] } },
  'sets-only-in-sdp-hevc': { video: { clip: HEVC, without: [32, 33, 34] } },
  'i-not-idr': { video: { clip: 'h264-320x240-25-g25-open-4s' } },
  'i-not-idr-no-sei': { video: { clip: 'h264-320x240-25-g25-open-4s', without: [6] } },
  'changing-sets': { video: { clip: [SECOND, OTHER_SETS], alternate: true } },
} satisfies Record<string, CameraOptions>;

const OTHERS = {
  'intra-refresh': { video: { clip: 'h264-320x240-25-g25-refresh-60s', startAt: 30 } },
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

type Clean = keyof typeof CLEAN;
type Name = Clean | keyof typeof OTHERS;
const NAMES = Object.keys(CLEAN) as Clean[];
const clipFrames = (name: Name): number => (name === 'changing-sets' ? 25 : 100);

let scene: RtspScene<Name>;
let faults: ReadonlyMap<Name, readonly string[]>;

beforeAll(async () => {
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } };
  scene = await RtspScene.start<Name>({ ...CLEAN, ...OTHERS }, { config });
  faults = await scene.faultsOfAll(NAMES, 30, clipFrames);
});
afterAll(async () => {
  await scene.dispose();
});

describe('every picture comes once and whole', () => {
  it.each(NAMES)('%s', async (name) => {
    expect(faults.get(name)).toEqual([]);
    expect(await scene.excess(name)).toBe(0);
    const { stats } = await scene.state(name);
    expect(stats).toMatchObject({ decode_errors: 0, reconnects: 0, gop_packets: 25 });
    // That each slice has a marker is known after the first picture, which is cut at its first slice.
    expect(stats.packets_damaged).toBeLessThanOrEqual(name.startsWith('marker-every-slice') ? 25 : 0);
  });

  it('and a camera that marks each slice is remembered as such', async () => {
    for (const name of ['marker-every-slice', 'marker-every-slice-hevc'] as const) {
      expect([name, (await scene.state(name)).learned?.marks_every_slice]).toEqual([name, true]);
    }
    expect((await scene.state('slices')).learned?.marks_every_slice ?? false).toBe(false);
  });
});

describe('every file decodes by itself', () => {
  it.each(NAMES)('%s', async (name) => {
    const expected: ExpectedFiles = {
      codec: name.endsWith('-hevc') ? 'hevc' : 'h264',
      clipFrames: clipFrames(name),
    };
    // The first may begin while the stream is still getting known.
    const files = (await scene.recorded(name, 3)).slice(1, 3);
    expect(await fileFaults(files, expected)).toEqual([]);
  });
});

describe('intra refresh without any IDR', () => {
  it('gives whole pictures, and never counts as a stream that cannot be decoded', async () => {
    await scene.running('intra-refresh');
    expect(await scene.faultsOf('intra-refresh', 50, 1500)).toEqual([]);
    expect((await scene.state('intra-refresh')).stats).toMatchObject({ reconnects: 0 });
  });

  it('gives those who want keyframes whole pictures, or says why there are none', async () => {
    const request = { key_frame_only: true, wait_ms: 3000 };
    const taken = await scene.take('intra-refresh', 2, request, 15_000).catch(() => undefined);
    if (taken === undefined) expect(await scene.log('intra-refresh')).toMatch(/intra refresh|no keyframe/i);
    else expect(taken.filter(({ number }) => number === 'torn')).toEqual([]);
  });
});

describe('MJPEG', () => {
  it('has its size, and every picture comes', async () => {
    await scene.running('mjpeg');
    expect((await scene.state('mjpeg')).stream).toMatchObject({ codec: 'mjpeg', width: 320, height: 240 });
    expect(await scene.faultsOf('mjpeg', 30, 50)).toEqual([]);
  });

  it('is recorded, or named as not recorded', async () => {
    await waitFor('files or a message', 20_000, async () => {
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

describe('a width that is no multiple of 16', () => {
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
    let differs = 0;
    for (let row = 0; row < height; row += 1) {
      for (let at = (row * width + width - 8) * 3; at < (row + 1) * width * 3; at += 1) {
        differs = Math.max(differs, Math.abs((taken.frame.data[at] ?? 0) - (expected[at] ?? 0)));
      }
    }
    expect(differs).toBeLessThanOrEqual(2);
  });
});

describe('a camera that comes back with another codec or size', () => {
  it('runs again, and no file has both', async () => {
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
