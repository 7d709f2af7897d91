import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FarmScene } from '../support/scene.js';
import type { SlowDisk } from '../support/slow-disk.js';
import { waitFor } from '../support/wait.js';
import {
  archiveOf,
  check,
  expectNoOverlap,
  expectPlays,
  filesOf,
  holes,
  indexed,
  moreSegments,
  namesIn,
  recordingIs,
  recordingOf,
  recordOnSlowDisk,
} from './recorded.js';
import { durationMs } from './scenario.js';
import { record, round } from './report.js';
import { StreamWatch } from './stream-watch.js';
import { expectUndisturbed } from './witness.js';

const CAMERAS = ['one', 'two', 'three'];
/** Delay of each write and sync. Writing a file takes several times its duration, and there are three cameras. */
const SLOW_MS = 2000;
const BOUND_MS = 120_000;
/** Rings and V8's heap vary by some megabytes. An unbounded queue would hold everything that the cameras sent. */
const MAX_GROWTH_MIB = 48;
/** Maximum time until the proxy has stopped, because it does not wait for a stuck disk. */
const STOP_MS = 5000;

let scene: FarmScene;
let disk: SlowDisk;

beforeAll(async () => {
  ({ scene, disk } = await recordOnSlowDisk(CAMERAS, 'h264-640x480-25-g25-4000k'));
});

afterAll(async () => {
  disk.slow(0);
  await scene.dispose();
  disk.dispose();
});

it(
  'C3: a disk that is too slow loses groups of pictures, which are counted, and disturbs nothing else',
  { timeout: 240_000 },
  async () => {
    for (const name of CAMERAS)
      await recordingIs(scene.proxy, name, 'two segments', 30_000, ({ segments }) => segments >= 2);
    const watch = await StreamWatch.start(scene.proxy, 'one');
    // Waits until the rings, which hold ten seconds, are full.
    for (const name of CAMERAS)
      await recordingIs(scene.proxy, name, 'a ring', 30_000, ({ segments }) => segments >= 12);
    const before = scene.proxy.usage().rssKiB;

    disk.slow(SLOW_MS);
    const slowSinceMs = Date.now();
    let maxRssKiB = 0;
    for (const name of CAMERAS) {
      await recordingIs(scene.proxy, name, 'lost groups', BOUND_MS, (now) => {
        maxRssKiB = Math.max(maxRssKiB, scene.proxy.usage().rssKiB);
        return now.lost_groups >= 6;
      });
    }
    const slowForS = (Date.now() - slowSinceMs) / 1000;
    expect(scene.proxy.output).toContain('the disk is too slow');

    disk.slow(0);
    const fastSinceMs = Date.now();
    for (const name of CAMERAS) await moreSegments(scene.proxy, name, 2);
    const counted = await Promise.all(CAMERAS.map(async (name) => (await recordingOf(scene.proxy, name)).lost_groups));
    for (const name of CAMERAS) await moreSegments(scene.proxy, name, 3);
    const recoveryS = (Date.now() - fastSinceMs) / 1000;
    // After two segments, no late write loses a group.
    const later = await Promise.all(CAMERAS.map(async (name) => (await recordingOf(scene.proxy, name)).lost_groups));
    expect(later).toEqual(counted);
    await waitFor('the end of the losses to be logged', BOUND_MS, () =>
      scene.proxy.output.includes('The camera is recorded again'),
    );
    const testimony = await watch.stop();

    expect(await check(scene.proxy)).toMatchObject({ missing: 0, added: 0, removed: 0, foreign: [] });
    for (const [index, name] of CAMERAS.entries()) {
      const files = filesOf(archiveOf(scene.proxy), name);
      expectNoOverlap(files);
      for (const { path } of files) await expectPlays(path);
      const missing = holes(files).reduce((sum, file) => sum + missingBefore(file, files), 0);
      // Each lost group of 25 pictures is counted, and no other.
      expect(missing).toBe(25 * (counted[index] ?? 0));
      expect((await indexed(scene.proxy, name)).slice(0, files.length)).toEqual(files.map(({ file }) => file));
    }
    const growthMiB = (maxRssKiB - before) / 1024;
    const fault = `each file takes ${(3 * SLOW_MS) / 1000} s, ${CAMERAS.length} cameras send one a second`;
    record({
      row: 'C3',
      fault,
      figure: 'groups lost and counted, of all cameras',
      value: counted.reduce((sum, lost) => sum + lost, 0),
      promise: 'logged',
      others: testimony,
    });
    record({
      row: 'C3',
      fault,
      figure: 'MiB that memory grows by',
      value: round(growthMiB, 1),
      promise: `≤ ${MAX_GROWTH_MIB} (${Math.round(slowForS * CAMERAS.length * 0.5)} were sent)`,
    });
    record({
      row: 'C3',
      fault,
      figure: 's to five more segments when the disk is fast again',
      value: round(recoveryS),
      promise: 'logged',
    });
    expect(growthMiB).toBeLessThanOrEqual(MAX_GROWTH_MIB);
    expectUndisturbed(testimony);
  },
);

it('C3: the proxy does not wait for a stuck disk when it stops', async () => {
  for (const name of CAMERAS) await recordingIs(scene.proxy, name, 'a segment', 30_000, ({ segments }) => segments > 0);
  disk.slow(60_000);
  const isWriting = (name: string): boolean =>
    namesIn(archiveOf(scene.proxy), name).some((file) => file.endsWith('.part'));
  await waitFor('the disk to be stuck', 30_000, () => CAMERAS.some(isWriting));
  let code: number | string = '';
  const ms = await durationMs(async () => {
    code = await scene.proxy.end();
  });
  record({
    row: 'C3',
    fault: 'SIGTERM while the disk accepts no data',
    figure: 's until the process has ended',
    value: round(ms / 1000),
    promise: `≤ ${STOP_MS / 1000}`,
  });
  expect(code).toBe(0);
  expect(ms).toBeLessThanOrEqual(STOP_MS);
  expect(scene.proxy.output).toContain('does not answer');
  disk.slow(0);
  await scene.proxy.resume();
  for (const name of CAMERAS) await recordingIs(scene.proxy, name, 'a segment', 30_000, ({ segments }) => segments > 0);
  expect(await check(scene.proxy)).toMatchObject({ missing: 0, foreign: [] });
});

function missingBefore(file: ReturnType<typeof filesOf>[number], files: ReturnType<typeof filesOf>): number {
  const before = files[files.indexOf(file) - 1];
  return file.facts.firstSequence - (before?.facts.endSequence ?? 0);
}
