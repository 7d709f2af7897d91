import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FarmScene } from '../support/scene.js';
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
  type RecordedFile,
} from './recorded.js';
import { record } from './report.js';
import { StreamWatch } from './stream-watch.js';
import { expectUndisturbed } from './witness.js';

const CAMERA = 'yard';
const HOUR_S = 3600;
const HOUR_US = HOUR_S * 1e6;
/** Debian's libfaketime. */
const LIBRARY = '/usr/$LIB/faketime/libfaketimeMT.so.1';
const BOUND_MS = 30_000;

let scene: FarmScene;
const own = mkdtempSync(join(tmpdir(), 'chrysproxy-clock-'));

beforeAll(async () => {
  setClock(0);
  scene = await FarmScene.start(
    { [CAMERA]: 'h264-640x480-25-g25' },
    {
      config: { buffer: { on_disk: true, on_disk_clean_older_than: '30m', on_disk_schedule: '@every 1s' } },
      env: {
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: join(own, 'offset'),
        FAKETIME_CACHE_DURATION: '1',
        // Only the wall clock is changed.
        DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1',
      },
    },
  );
  await recordingIs(scene.proxy, CAMERA, 'three segments', BOUND_MS, ({ segments }) => segments >= 3);
});

afterAll(async () => {
  await scene.dispose();
  rmSync(own, { recursive: true, force: true });
});

/** Sets the wall clock of the proxy to the true time plus `seconds`. The proxy sees the change within a second. */
function setClock(seconds: number): void {
  writeFileSync(join(own, 'offset'), `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`);
}

/** Waits until the wall clock of the proxy is `seconds` ahead. */
async function clockIsAhead(seconds: number): Promise<void> {
  await waitFor(`the clock to be ${seconds} s ahead`, BOUND_MS, async () => {
    const { headers } = await fetch(`${scene.proxy.restUrl}/healthz`);
    return Math.abs(Date.parse(headers.get('date') ?? '') - Date.now() - seconds * 1000) < 60_000;
  });
}

function newest(files: readonly RecordedFile[]): RecordedFile['facts'] {
  const last = files.at(-1);
  if (last === undefined) throw new Error('Nothing is recorded.');
  return last.facts;
}

/** Expects that all recorded segments exist, in order, and that the index agrees. */
async function expectWhole(requiredFiles: readonly string[]): Promise<RecordedFile[]> {
  const files = filesOf(archiveOf(scene.proxy), CAMERA);
  expect(files.map(({ file }) => file)).toEqual(expect.arrayContaining([...requiredFiles]));
  expectNoOverlap(files);
  expect(holes(files)).toEqual([]);
  for (const { path } of files) await expectPlays(path);
  expect(await check(scene.proxy)).toMatchObject({ missing: 0, added: 0, foreign: [] });
  expect((await indexed(scene.proxy, CAMERA)).slice(0, files.length)).toEqual(files.map(({ file }) => file));
  return files;
}

it.each([
  { name: 'an hour forward', seconds: HOUR_S, expectedJumpUs: HOUR_US },
  { name: 'an hour back', seconds: 0, expectedJumpUs: 0 },
  { name: 'another hour back', seconds: -HOUR_S, expectedJumpUs: 0 },
])('C4: the wall clock jumps $name during recording', async ({ name, seconds, expectedJumpUs }) => {
  const before = namesIn(archiveOf(scene.proxy), CAMERA).filter((file) => file.endsWith('.mp4'));
  const watch = await StreamWatch.start(scene.proxy, CAMERA);
  setClock(seconds);
  await clockIsAhead(seconds);
  // Retention runs every second during this time.
  await moreSegments(scene.proxy, CAMERA, 4);
  const testimony = await watch.stop();

  const files = await expectWhole(before);
  const jumpUs = newest(files).startUs - newest(files.filter(({ file }) => before.includes(file))).startUs;
  expect(Math.abs(jumpUs - expectedJumpUs)).toBeLessThan(60e6);
  expect(testimony.backward).toBe(0);
  expectUndisturbed(testimony);
  expect(await recordingOf(scene.proxy, CAMERA)).toMatchObject({ state: 'recording', lost_groups: 0 });
  record({
    row: 'C4',
    fault: `the wall clock is set ${name}`,
    figure: `segments that overlap or were deleted when the clock was set ${name}`,
    value: 0,
    promise: '0',
    others: testimony,
  });
});

it('C4: the wall clock is set back while the proxy does not run', async () => {
  setClock(HOUR_S);
  await clockIsAhead(HOUR_S);
  await moreSegments(scene.proxy, CAMERA, 3);
  await scene.proxy.end();
  const before = filesOf(archiveOf(scene.proxy), CAMERA);
  setClock(0);
  await scene.proxy.resume();
  await recordingIs(scene.proxy, CAMERA, 'three segments', BOUND_MS, ({ segments }) => segments >= 3);
  const watch = await StreamWatch.start(scene.proxy, CAMERA);
  await moreSegments(scene.proxy, CAMERA, 3);
  const testimony = await watch.stop();
  const files = await expectWhole(before.map(({ file }) => file));
  expect(newest(files).startUs).toBeGreaterThan(newest(before).lastUs);
  expect(testimony.backward).toBe(0);
  expectUndisturbed(testimony);
  record({
    row: 'C4',
    fault: 'the wall clock is set back an hour while the proxy does not run',
    figure: 'segments that overlap earlier segments',
    value: 0,
    promise: '0',
    others: testimony,
  });
});
