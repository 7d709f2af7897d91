import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import { ImageClient } from '../support/grpc-client.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';
import { archiveOf, expectNoOverlap, filesOf, holes, recordingOf, type RecordedFile } from './recorded.js';
import { record } from './report.js';
import { expectUndisturbed, maxLate, starvedMs, Witness } from './witness.js';

const SMALL = 'h264-640x480-25-g50';
const LARGE = 'h264-1280x720-25-g50';
const FRAMES_AFTER_CHANGE = 60;
const FPS = 25;
const run = promisify(execFile);

let scene: FarmScene;

beforeAll(async () => {
  scene = await FarmScene.start(
    {
      growing: { clip: SMALL, then: { clip: LARGE, after: 100 } },
      shrinking: { clip: LARGE, then: { clip: SMALL, after: 100 } },
    },
    {
      later: ['growing', 'shrinking'],
      config: { buffer: { on_disk: true, on_disk_clean_older_than: '1d' } },
    },
  );
});

afterAll(async () => {
  await scene.dispose();
});

it.each([
  { name: 'growing', from: [640, 480], to: [1280, 720] },
  { name: 'shrinking', from: [1280, 720], to: [640, 480] },
])('B2: no frame is torn while the picture is $name', async ({ name, from, to }) => {
  const witness = await Witness.start(scene.proxy);
  await scene.proxy.addCamera(name, scene.farm.url(name));
  await scene.running(name);
  const client = new ImageClient(scene.proxy.grpcAddress, 'bidirectional');
  const startedMs = starvedMs(scene.proxy.pid);
  const seen: SeenFrame[] = [];
  const endMs = Date.now() + 20_000;
  while (seen.filter(({ size }) => size[0] === to[0]).length < FRAMES_AFTER_CHANGE && Date.now() < endMs) {
    const { data, width, height, shape, pts, time_base: timeBase } = await client.frame({ device_id: name });
    if (data.length === 0) continue;
    const dims = shape?.dim.map(({ size }) => size) ?? [];
    seen.push({ size: [width, height], dims, number: readBarcode(data, width, height), seconds: pts * timeBase });
  }
  const maxMissing = maxLate(starvedMs(scene.proxy.pid) - startedMs);
  const probe = (await client.unary('VideoProbe', { device_id: name })) as { video_codec: { width: number } };
  client.close();

  const testimony = await witness.stop();
  const torn = seen.filter(({ number }) => number === 'torn').length;
  const change = seen.findIndex(({ size }) => size[0] === to[0]);
  record({
    row: 'B2',
    fault: `${String(from)} becomes ${String(to)} in mid-stream`,
    figure: `torn frames while ${name}`,
    value: torn,
    promise: '0',
    others: testimony,
  });
  expect(torn).toBe(0);
  expect(change).toBeGreaterThan(0);
  for (const { size, dims } of seen) expect(dims).toEqual([size[1], size[0], 3]);
  const before = seen.slice(0, change);
  const after = seen.slice(change);
  expect(new Set(before.map(({ size }) => String(size)))).toEqual(new Set([String(from)]));
  expect(new Set(after.map(({ size }) => String(size)))).toEqual(new Set([String(to)]));
  expect(after[0]?.number).toBeLessThanOrEqual(maxMissing);
  for (const part of [before, after]) expect(misplaced(part)).toEqual([]);
  expect(missing(before) + missing(after) + Number(after[0]?.number)).toBeLessThanOrEqual(maxMissing);
  expect(probe.video_codec.width).toBe(to[0]);
  expectUndisturbed(testimony);
});

it('B2: a recording begins a new file where the picture size changes, and loses no group', async () => {
  const sizes = async (path: string): Promise<string[]> => {
    const { stdout, stderr } = await run('ffprobe', [
      '-v',
      'warning',
      '-show_entries',
      'frame=width',
      '-of',
      'csv=p=0',
      path,
    ]);
    expect(stderr).toBe('');
    return [...new Set(stdout.trim().split(/\D+/))];
  };
  let files: RecordedFile[] = [];
  for (const name of ['growing', 'shrinking']) {
    await waitFor(`${name} to be recorded in both sizes`, 30_000, () => {
      files = filesOf(archiveOf(scene.proxy), name);
      return new Set(files.map(({ facts }) => facts.width)).size === 2;
    });
    expectNoOverlap(files);
    expect(holes(files)).toEqual([]);
    for (const { path, facts } of files) expect(await sizes(path), path).toEqual([String(facts.width)]);
    expect((await recordingOf(scene.proxy, name)).lost_groups).toBe(0);
  }
  record({
    row: 'B2',
    fault: 'the size changes in mid-stream while it is recorded',
    figure: 'recorded files with pictures of two sizes, and groups lost',
    value: 0,
    promise: '0',
  });
});

interface SeenFrame {
  readonly size: readonly number[];
  readonly dims: readonly number[];
  readonly number: number | 'torn';
  /** The pts of the picture, in seconds. */
  readonly seconds: number;
}

/** Pictures whose number does not match their pts. */
function misplaced(seen: readonly SeenFrame[]): SeenFrame[] {
  return seen.filter((one) => {
    const steps = Math.round((one.seconds - (seen[0]?.seconds ?? 0)) * FPS);
    return one.number !== Number(seen[0]?.number) + steps;
  });
}

/** Number of pictures that are missing between the first and the last. */
function missing(seen: readonly SeenFrame[]): number {
  return Number(seen.at(-1)?.number) - Number(seen[0]?.number) + 1 - seen.length;
}
