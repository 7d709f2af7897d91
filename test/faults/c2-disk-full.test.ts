import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { MountedFolder } from '../support/mounted-folder.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';
import {
  check,
  expectNoOverlap,
  expectPlays,
  filesOf,
  indexed,
  moreSegments,
  namesIn,
  recordingIs,
  recordingOf,
} from './recorded.js';
import { record, round } from './report.js';
import { StreamWatch } from './stream-watch.js';
import { expectUndisturbed } from './witness.js';

/** Clips of about 100 and 500 kilobytes per second. */
const SMALL = 'h264-640x480-25-g25';
const LARGE = 'h264-640x480-25-g25-4000k';
const CAMERA = 'yard';
const BOUND_MS = 30_000;

const probe = MountedFolder.mount(1);
const reason = typeof probe === 'string' ? probe : '';
if (typeof probe !== 'string') probe.dispose();
if (reason !== '') process.stderr.write(`C2 is left out: ${reason}\n`);
const ifMountable = it.skipIf(reason !== '');

let cleanUp: (() => Promise<unknown> | undefined)[] = [];

afterEach(async () => {
  for (const action of cleanUp.reverse()) await action();
  cleanUp = [];
});

interface Scene {
  readonly proxy: Proxy;
  readonly disk: MountedFolder;
  readonly folder: string;
}

/** Starts a proxy with one camera, which is recorded to a disk of its own. */
async function scene(clip: string, megabytes: number, buffer: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
  const disk = MountedFolder.mount(megabytes);
  if (typeof disk === 'string') throw new Error(disk);
  cleanUp.push(() => {
    disk.dispose();
    return undefined;
  });
  const farm = await Farm.start({ mounts: [{ path: CAMERA, clip }] });
  cleanUp.push(() => farm.stop());
  const folder = join(disk.path, 'archive');
  const rules = { on_disk: true, on_disk_folder: folder, on_disk_clean_older_than: '1d', ...buffer };
  const proxy = await Proxy.start({ config: { buffer: rules } });
  cleanUp.push(() => proxy.dispose());
  await proxy.addCamera(CAMERA, farm.url(CAMERA));
  await recordingIs(proxy, CAMERA, 'two segments', BOUND_MS, ({ segments }) => segments >= 2);
  return { proxy, disk, folder };
}

/** Expects that files and index are complete and agree, after any fault of the disk. */
async function expectWhole({ proxy, folder }: Scene): Promise<void> {
  const off = await proxy.rest('PATCH', `/api/v1/process/${CAMERA}`, { record: false });
  expect(off.status, off.text).toBe(200);
  // Open groups are written before the first check. Segments that are deleted to make room for them are gone before the second.
  await check(proxy);
  expect((await check(proxy)).foreign).toEqual([]);
  const files = filesOf(folder, CAMERA);
  expectNoOverlap(files);
  for (const { path } of files) await expectPlays(path);
  const index = await indexed(proxy, CAMERA);
  expect(index).toEqual(files.map(({ file }) => file));
  expect(namesIn(folder, CAMERA).filter((name) => name.endsWith('.part'))).toEqual([]);
}

interface DiskFault {
  readonly name: string;
  readonly code: string;
  begin(disk: MountedFolder): Promise<void> | void;
  end(disk: MountedFolder): void;
}

const diskFaults: readonly DiskFault[] = [
  {
    name: 'a full disk',
    code: 'ENOSPC',
    begin: (disk) => {
      disk.fill();
    },
    end: (disk) => {
      disk.makeRoom();
    },
  },
  {
    name: 'a disk that became read-only',
    code: 'EROFS',
    begin: (disk) => disk.readOnly(),
    end: (disk) => {
      disk.writable();
    },
  },
  {
    name: 'a disk that was unmounted',
    code: 'ENODEV',
    begin: (disk) => {
      disk.unmount();
    },
    end: (disk) => {
      expect(readdirSync(disk.path)).toEqual([]);
      disk.mountAgain();
    },
  },
];

ifMountable.each(diskFaults)(
  'C2: $name is logged, live frames go on, and recording goes on afterwards',
  async (fault) => {
    const { name, code } = fault;
    const all = await scene(SMALL, 32);
    const { proxy, disk } = all;
    const watch = await StreamWatch.start(proxy, CAMERA);
    await fault.begin(disk);
    const beganMs = Date.now();
    const failing = await recordingIs(proxy, CAMERA, 'failing', BOUND_MS, ({ state }) => state === 'failing');
    const reportedS = (Date.now() - beganMs) / 1000;
    expect(failing.message).toContain(code);
    // Each group is tried again, and the fault is logged once.
    await recordingIs(proxy, CAMERA, 'groups lost', BOUND_MS, (now) => now.lost_groups >= failing.lost_groups + 3);
    expect(proxy.output.split(code)).toHaveLength(2);

    if (code === 'ENODEV') await expect(check(proxy)).rejects.toThrow(/Mount it again/);
    fault.end(disk);
    const endedMs = Date.now();
    const again = await recordingIs(proxy, CAMERA, 'recorded again', BOUND_MS, ({ state }) => state === 'recording');
    const againS = (Date.now() - endedMs) / 1000;
    expect(again.message).toBe('');
    await waitFor('the log', BOUND_MS, () => proxy.output.includes('The camera is recorded again'));
    await moreSegments(proxy, CAMERA, 2);
    expect((await recordingOf(proxy, CAMERA)).lost_groups).toBe(again.lost_groups);
    const testimony = await watch.stop();

    record({
      row: 'C2',
      fault: name,
      figure: `s until the state reports it: ${name}`,
      value: round(reportedS),
      promise: 'logged',
      others: testimony,
    });
    record({
      row: 'C2',
      fault: name,
      figure: `s until it records again after ${name}, groups of 1 s`,
      value: round(againS),
      promise: 'the next group',
      others: testimony,
    });
    expectUndisturbed(testimony);
    await expectWhole(all);
  },
);

ifMountable('C2: a removed folder is created again, and its segments leave the index', async () => {
  const all = await scene(SMALL, 32);
  const { proxy, folder } = all;
  const watch = await StreamWatch.start(proxy, CAMERA);
  const before = await recordingOf(proxy, CAMERA);
  rmSync(folder, { recursive: true });
  await moreSegments(proxy, CAMERA, 3);
  const after = await recordingOf(proxy, CAMERA);
  const testimony = await watch.stop();
  record({
    row: 'C2',
    fault: 'the folder is removed',
    figure: 'groups lost that came after the folder was removed',
    value: after.lost_groups - before.lost_groups,
    promise: '≤ 1',
    others: testimony,
  });
  // The segment that was being written at that moment may be lost.
  expect(after.lost_groups - before.lost_groups).toBeLessThanOrEqual(1);
  expect(after.state).toBe('recording');
  expectUndisturbed(testimony);
  expect((await check(proxy)).missing).toBeGreaterThanOrEqual(2);
  expect((await check(proxy)).missing).toBe(0);
  await expectWhole(all);
});

ifMountable('C2: segments that are older than the limit are deleted to make room on a full disk', async () => {
  const all = await scene(LARGE, 6, { on_disk_clean_older_than: '4s', on_disk_schedule: '@every 1h' });
  const { proxy, folder } = all;
  const [first = ''] = namesIn(folder, CAMERA);
  const watch = await StreamWatch.start(proxy, CAMERA);
  // Records twice the size of the disk.
  await recordingIs(proxy, CAMERA, '12 MB recorded', 60_000, ({ bytes }) => bytes > 12e6);
  const now = await recordingIs(proxy, CAMERA, 'recording', BOUND_MS, ({ state }) => state === 'recording');
  const testimony = await watch.stop();
  record({
    row: 'C2',
    fault: 'a disk of 6 MiB fills up twice, and old segments may be deleted',
    figure: 'groups lost while old segments make room',
    value: now.lost_groups,
    promise: '≤ 1 each time',
    others: testimony,
  });
  expect(now.lost_groups).toBeLessThanOrEqual(6);
  expect(namesIn(folder, CAMERA)).not.toContain(first);
  expectUndisturbed(testimony);
  await expectWhole(all);
});

ifMountable('C2: a disk with a minimum of free space never fills up', async () => {
  const limitBytes = 2 * 1024 * 1024;
  const all = await scene(LARGE, 6, { on_disk_min_free_bytes: limitBytes });
  const { proxy, disk } = all;
  let minFreeBytes = Infinity;
  await waitFor('12 MB recorded', 60_000, async () => {
    minFreeBytes = Math.min(minFreeBytes, disk.freeBytes);
    return (await recordingOf(proxy, CAMERA)).bytes > 12e6;
  });
  const now = await recordingOf(proxy, CAMERA);
  record({
    row: 'C2',
    fault: 'on_disk_min_free_bytes of 2 MiB on a disk of 6 MiB',
    figure: 'groups lost while a part of the disk is kept free',
    value: now.lost_groups,
    promise: '0',
  });
  expect(now).toMatchObject({ state: 'recording', lost_groups: 0 });
  // The limits are checked once a second, so segments of that second can exceed them.
  expect(minFreeBytes).toBeGreaterThan(limitBytes - 1.5e6);
  await expectWhole(all);
});
