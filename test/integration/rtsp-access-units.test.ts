/** Access units: each picture is assembled once and whole, for clients and in files, however the camera splits it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { type ExpectedFiles, fileFaults } from '../support/picture-checks.js';
import { FakeCameraScene } from '../support/scene.js';

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
} satisfies Record<string, CameraOptions>;

type Clean = keyof typeof CLEAN;
type Name = Clean | keyof typeof OTHERS;
const NAMES = Object.keys(CLEAN) as Clean[];
const clipFrames = (name: Name): number => (name === 'changing-sets' ? 25 : 100);

let scene: FakeCameraScene<Name>;
let faults: ReadonlyMap<Name, readonly string[]>;

beforeAll(async () => {
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } };
  scene = await FakeCameraScene.start<Name>({ ...CLEAN, ...OTHERS }, { config });
  // A camera that marks each slice is detected by its first group of pictures, which are torn.
  for (const name of ['marker-every-slice', 'marker-every-slice-hevc'] as const) {
    await scene.until(name, 'has sent two groups', ({ stats }) => stats.packets >= 50);
  }
  faults = await scene.faultsOfAll(NAMES, 30, clipFrames);
});
afterAll(async () => {
  await scene.dispose();
});

describe('every picture arrives once and whole', () => {
  it.each(NAMES)('%s', async (name) => {
    expect(faults.get(name)).toEqual([]);
    expect(await scene.excess(name)).toBe(0);
    const { stats } = await scene.state(name);
    expect(stats).toMatchObject({ decode_errors: 0, reconnects: 0, gop_packets: 25 });
    // Such a camera is detected by its first group of pictures, which are cut after the first slice.
    expect(stats.packets_damaged).toBeLessThanOrEqual(name.startsWith('marker-every-slice') ? 25 : 0);
  });

  it('and a camera that marks each slice is remembered', async () => {
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
    // The first file may begin before what the camera does is learnt.
    const files = (await scene.recorded(name, 3)).slice(1, 3);
    expect(await fileFaults(files, expected)).toEqual([]);
  });
});

describe('intra refresh without any IDR', () => {
  it('gives whole pictures, and does not count as a stream that cannot be decoded', async () => {
    await scene.running('intra-refresh');
    // Pictures are complete after two refresh periods; until then they are flagged as damaged.
    await scene.until('intra-refresh', 'has two refresh periods', ({ stats }) => stats.packets >= 100);
    expect(await scene.faultsOf('intra-refresh', 50, 1500)).toEqual([]);
    expect((await scene.state('intra-refresh')).stats).toMatchObject({ reconnects: 0 });
  });

  it('gives whole pictures to callers that ask for keyframes, or logs why there are none', async () => {
    const request = { key_frame_only: true, wait_ms: 3000 };
    const taken = await scene.take('intra-refresh', 2, request, 30_000).catch(() => undefined);
    if (taken === undefined) expect(await scene.log('intra-refresh')).toMatch(/intra refresh|no keyframe/i);
    else expect(taken.filter(({ number }) => number === 'torn')).toEqual([]);
  });
});
