/** Recording: every frame is on the disk exactly once, in files that players open, even when the disk fails. */
import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SegmentIndex } from '../../src/database/segment-index.js';
import { Farm } from '../farm/farm.js';
import { Proxy } from '../support/proxy.js';
import { numbersIn, probed, segmentsIn, type SegmentFile } from '../support/segments.js';
import { waitFor } from '../support/wait.js';

const FPS = 25;
const GOP = 50;
const CLIP_FRAMES = 300;
const BOUND_MS = 40_000;

const CAMERAS = {
  h264: { clip: 'h264-640x480-25-g50', width: 640, height: 480 },
  hevc: { clip: 'hevc-640x360-25-g50', width: 640, height: 360 },
  reordered: { clip: 'h264-640x480-25-g50-b2', width: 640, height: 480 },
} as const;
type Device = keyof typeof CAMERAS;
const DEVICES = Object.keys(CAMERAS) as Device[];

let farm: Farm;
let proxy: Proxy;

beforeAll(async () => {
  farm = await Farm.start({
    mounts: [
      ...DEVICES.map((path) => ({ path, clip: CAMERAS[path].clip })),
      { path: 'short-groups', clip: 'h264-640x480-25-g10' },
    ],
  });
});
afterAll(async () => {
  await farm.stop();
});
afterEach(async () => {
  await proxy.dispose();
});

const folderOf = (camera: string): string => join(proxy.dataDir, 'archive', camera);
const recorded = (camera: string): SegmentFile[] => segmentsIn(folderOf(camera));

async function atLeast(count: number, camera: string): Promise<void> {
  await waitFor(`${count} segments of ${camera}`, BOUND_MS, () => recorded(camera).length >= count);
}

interface Recording {
  readonly state: string;
  readonly message: string;
  readonly segments: number;
  readonly lost_groups: number;
}

async function recording(camera: string): Promise<Recording> {
  const { chrysproxy } = await proxy.camera(camera);
  return (chrysproxy as unknown as { recording: Recording }).recording;
}

function indexed(camera: string): string[] {
  const index = new SegmentIndex(proxy.dataDir, 'read');
  try {
    return index.page(camera, { fromUs: 0, toUs: 1e17, afterUs: 0, limit: 1000 }).map(({ file }) => file);
  } finally {
    index.close();
  }
}

/** Expects that each frame number follows the previous one, over all files. */
async function expectEachFrameOnce(device: Device, files: readonly SegmentFile[]): Promise<void> {
  const { width, height } = CAMERAS[device];
  let before: number | undefined;
  for (const file of files) {
    for (const number of await numbersIn(file.path, width, height)) {
      if (before !== undefined) expect(number).toBe((before + 1) % CLIP_FRAMES);
      before = Number(number);
    }
  }
}

async function expectPlayable(file: SegmentFile): Promise<void> {
  const found = await probed(file.path);
  expect(found.complaints).toBe('');
  expect(found.startSeconds).toBe(0);
  expect(found.firstIsKeyframe).toBe(true);
  expect(Math.abs(found.durationSeconds - found.packets / FPS)).toBeLessThan(0.5 / FPS);
  expect(Math.abs(file.durationMs / 1000 - found.durationSeconds)).toBeLessThan(0.002);
  expect(found.dts).toEqual([...new Set(found.dts)].sort((one, other) => one - other));
}

describe('recording', () => {
  it('writes every frame exactly once into files that play', async () => {
    proxy = await Proxy.start({ config: { buffer: { on_disk: true } } });
    for (const device of DEVICES) await proxy.addCamera(device, farm.url(device));
    for (const device of DEVICES) await atLeast(5, device);
    expect(await proxy.end()).toBe(0);
    for (const device of DEVICES) {
      // The last group was cut off, possibly before a B-frame that is shown earlier.
      const last = recorded(device).at(-1)!;
      expect((await probed(last.path)).complaints).toBe('');
      const files = recorded(device).slice(0, -1);
      for (const file of files) await expectPlayable(file);
      const lengths = files.map(({ durationMs }) => durationMs);
      expect(new Set(lengths.slice(1))).toEqual(new Set([(GOP / FPS) * 1000]));
      await expectEachFrameOnce(device, files);
      expect(indexed(device)).toEqual([...files, last].map(({ name }) => name));
      // Each file begins when the previous one ends.
      for (const [at, file] of files.slice(1).entries()) {
        const gapMs = file.startMs - files[at]!.startMs - files[at]!.durationMs;
        expect(Math.abs(gapMs)).toBeLessThan(500);
      }
    }
  });

  it('joins short groups', async () => {
    proxy = await Proxy.start({ config: { buffer: { on_disk: true, segment_min_ms: 1900 } } });
    await proxy.addCamera('short-groups', farm.url('short-groups'));
    await atLeast(3, 'short-groups');
    for (const file of recorded('short-groups').slice(0, 3)) {
      await expectPlayable(file);
      expect(file.durationMs).toBeGreaterThanOrEqual(1500);
      expect(file.durationMs).toBeLessThanOrEqual(2500);
    }
  });

  it('is switched on and off while a camera runs, without reconnecting it', async () => {
    proxy = await Proxy.start();
    await proxy.addCamera('h264', farm.url('h264'));
    await proxy.cameraIsRunning('h264');
    expect(await recording('h264')).toMatchObject({ state: 'off', segments: 0 });
    await proxy.rest('PATCH', '/api/v1/process/h264', { record: true });
    await atLeast(2, 'h264');
    expect(await recording('h264')).toMatchObject({ state: 'recording', message: '' });
    await proxy.rest('PATCH', '/api/v1/process/h264', { record: false });
    const open = await waitFor('the open group', BOUND_MS, () =>
      recorded('h264').find(({ durationMs }, at) => at > 0 && durationMs < (GOP / FPS) * 1000),
    );
    const count = recorded('h264').length;
    await expectPlayable(open);
    const packets = (await proxy.camera('h264')).chrysproxy.stats.packets;
    await waitFor('three more groups', BOUND_MS, async () => {
      return (await proxy.camera('h264')).chrysproxy.stats.packets > packets + 3 * GOP;
    });
    expect(recorded('h264')).toHaveLength(count);
    expect((await proxy.camera('h264')).status).toBe('running');
    await expectEachFrameOnce('h264', recorded('h264'));
  });

  it('goes on after kill -9: finished files play, and no frame is recorded twice', async () => {
    proxy = await Proxy.start({ config: { buffer: { on_disk: true } } });
    await proxy.addCamera('h264', farm.url('h264'));
    for (let round = 1; round <= 4; round += 1) {
      await atLeast(2 * round, 'h264');
      await proxy.kill9();
      await proxy.resume();
    }
    await atLeast(9, 'h264');
    expect(await proxy.end()).toBe(0);
    const files = recorded('h264');
    expect(readdirSync(folderOf('h264')).sort()).toEqual(files.map(({ name }) => name).sort());
    expect(indexed('h264')).toEqual(files.map(({ name }) => name));
    let endMs = 0;
    for (const file of files) {
      await expectPlayable(file);
      expect(file.startMs).toBeGreaterThan(endMs - 500);
      endMs = file.startMs + file.durationMs;
    }
  });

  it('adds the files that a crash left, and changes no foreign files', async () => {
    proxy = await Proxy.start({ config: { buffer: { on_disk: true } } });
    await proxy.addCamera('h264', farm.url('h264'));
    await atLeast(2, 'h264');
    await proxy.kill9();
    const [first, second] = recorded('h264');
    writeFileSync(join(folderOf('h264'), '.1.part'), 'half a segment');
    writeFileSync(join(folderOf('h264'), '5_5.mp4'), 'not ours');
    rmSync(first!.path);
    rmSync(join(proxy.dataDir, 'recordings.db'));
    for (const suffix of ['-wal', '-shm']) rmSync(join(proxy.dataDir, `recordings.db${suffix}`), { force: true });
    await proxy.resume();
    await waitFor('the index to be rebuilt', BOUND_MS, () => indexed('h264').includes(second!.name));
    await waitFor(
      'the leftover file to be deleted',
      BOUND_MS,
      () => !readdirSync(folderOf('h264')).includes('.1.part'),
    );
    expect(readdirSync(folderOf('h264'))).toContain('5_5.mp4');
    expect(indexed('h264')).not.toContain('5_5.mp4');
  });
});

describe('a failing disk', () => {
  it('does not affect live frames, is logged, and is used again when it works', async () => {
    proxy = await Proxy.start({ config: { buffer: { on_disk: true } } });
    await proxy.addCamera('h264', farm.url('h264'));
    await atLeast(1, 'h264');
    rmSync(join(proxy.dataDir, 'archive'), { recursive: true });
    await atLeast(1, 'h264');
    expect(await recording('h264')).toMatchObject({ state: 'recording', lost_groups: 0 });

    rmSync(join(proxy.dataDir, 'archive'), { recursive: true });
    writeFileSync(join(proxy.dataDir, 'archive'), 'in the way');
    const failing = await waitFor('the failure to be reported', BOUND_MS, async () => {
      const found = await recording('h264');
      return found.state === 'failing' && found;
    });
    expect(failing.message).toMatch(/archive\/h264 cannot be used.*Move the file away/);
    expect((await proxy.camera('h264')).status).toBe('running');
    rmSync(join(proxy.dataDir, 'archive'));
    await atLeast(1, 'h264');
    await waitFor('the end of the failure', BOUND_MS, async () => (await recording('h264')).state === 'recording');
    expect((await recording('h264')).lost_groups).toBeGreaterThan(0);
    expect(proxy.output).toMatch(/The camera is recorded again/);
    expect((await proxy.camera('h264')).chrysproxy.stats).toMatchObject({ reconnects: 0 });
  });

  it('that is full loses groups, and is used again when there is space', async () => {
    // A small disk that only the proxy's processes see.
    const mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"';
    proxy = await Proxy.start({
      config: { buffer: { on_disk: true, on_disk_folder: 'small' } },
      within: (folder) => {
        const disk = join(folder, 'data', 'small');
        mkdirSync(disk, { recursive: true });
        return ['unshare', '-rm', 'sh', '-c', mount, disk];
      },
    });
    const disk = join(`/proc/${proxy.pid}/root`, proxy.dataDir, 'small');
    const filler = join(disk, 'filler');
    writeFileSync(filler, '');
    await proxy.addCamera('h264', farm.url('h264'));
    await waitFor('a segment', BOUND_MS, () => segmentsIn(join(disk, 'h264')).length > 0);
    fill(filler);
    const failing = await waitFor('the disk to be full', BOUND_MS, async () => {
      const found = await recording('h264');
      return found.state === 'failing' && found;
    });
    expect(failing.message).toMatch(/no space left .*Free some/);
    expect(readdirSync(join(disk, 'h264')).filter((name) => name.endsWith('.part'))).toEqual([]);
    const before = segmentsIn(join(disk, 'h264')).length;
    rmSync(filler);
    await waitFor('a new segment', BOUND_MS, () => segmentsIn(join(disk, 'h264')).length > before);
    await waitFor('the state "recording"', BOUND_MS, async () => (await recording('h264')).state === 'recording');
    for (const file of segmentsIn(join(disk, 'h264'))) await expectPlayable(file);
    expect((await proxy.camera('h264')).status).toBe('running');
  });

  it('keeps the newest segments within the size limit', async () => {
    proxy = await Proxy.start({ config: { buffer: { on_disk: true } } });
    await proxy.addCamera('h264', farm.url('h264'));
    await atLeast(3, 'h264');
    await proxy.end();
    const bytes = recorded('h264')
      .slice(0, 3)
      .map(({ path }) => statSync(path).size);
    const limit = 3 * Math.max(...bytes);
    const config = {
      port: proxy.restPort,
      grpc_port: proxy.grpcPort,
      buffer: { on_disk: true, on_disk_max_bytes: limit },
    };
    writeFileSync(proxy.configFile, JSON.stringify(config));
    const [oldest] = recorded('h264');
    await proxy.resume();
    await waitFor('the oldest segment to be deleted', BOUND_MS, () => recorded('h264')[0]?.name !== oldest?.name);
    await waitFor('more segments', BOUND_MS, async () => (await recording('h264')).segments >= 4);
    await waitFor('the limit to be kept', BOUND_MS, () => {
      return recorded('h264').reduce((sum, { path }) => sum + statSync(path).size, 0) <= limit;
    });
    expect(indexed('h264')).toEqual(recorded('h264').map(({ name }) => name));
  });
});

function fill(path: string): void {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
