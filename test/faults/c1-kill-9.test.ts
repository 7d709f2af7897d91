import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FarmScene } from '../support/scene.js';
import type { SlowDisk } from '../support/slow-disk.js';
import { pause, waitFor } from '../support/wait.js';
import {
  archiveOf,
  check,
  expectIntactDatabases,
  expectNoOverlap,
  expectPlays,
  filesOf,
  holes,
  indexed,
  namesIn,
  type RecordedFile,
  recordingIs,
  recordOnSlowDisk,
} from './recorded.js';
import { percentile, record, round } from './report.js';

/** Use `KILLS=200 npm run faults -- c1` for the full test. Fewer kills find the same faults with less certainty. */
const KILLS = Number(process.env['KILLS'] ?? 10);
const CAMERAS = ['one', 'two', 'three', 'four'];
const GROUP_MS = 1000;
/** Delay of the disk in every second round, so that a kill mostly interrupts the writing of a file. */
const SLOW_MS = 60;
/** Maximum time until a complete group is written. The recorder reads the rings four times a second; the machine may be busy. */
const UNTIL_WRITTEN_MS = 1500;
const ROUND_BOUND_MS = 60_000;

let scene: FarmScene;
let disk: SlowDisk;
const files = new Map<string, RecordedFile[]>(CAMERAS.map((name) => [name, []]));

beforeAll(async () => {
  ({ scene, disk } = await recordOnSlowDisk(CAMERAS, 'h264-640x480-25-g25'));
});

afterAll(async () => {
  await scene.dispose();
  disk.dispose();
});

it(
  `C1: killed ${KILLS} times while it records, the proxy loses only pictures that were not in a complete segment yet`,
  { timeout: ROUND_BOUND_MS * KILLS },
  async () => {
    const folder = archiveOf(scene.proxy);
    const lostMs: number[] = [];
    let unfinished = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Waits until all cameras are recorded again.
      for (const name of CAMERAS)
        await recordingIs(scene.proxy, name, 'a segment', 30_000, ({ segments }) => segments > 0);
      disk.slow(kill % 2 === 0 ? 0 : SLOW_MS);
      await pause(Math.random() * 2 * GROUP_MS);
      await scene.proxy.kill9();
      const killedMs = Date.now();

      const leftovers = CAMERAS.flatMap((camera) =>
        namesIn(folder, camera)
          .filter((name) => name.endsWith('.part'))
          .map((name) => join(folder, camera, name)),
      );
      unfinished += Number(leftovers.length > 0);
      for (const name of CAMERAS) {
        const known = files.get(name) ?? [];
        known.push(...filesOf(folder, name, new Set(known.map(({ file }) => file))));
        lostMs.push(killedMs - Number(known.at(-1)?.facts.lastUs) / 1000);
      }
      disk.slow(0);
      await scene.proxy.resume();

      await waitFor('no leftovers', 10_000, () => !leftovers.some((path) => existsSync(path)));
      expect(await check(scene.proxy)).toMatchObject({ missing: 0, foreign: [] });
      for (const name of CAMERAS) {
        const known = files.get(name) ?? [];
        // After the restart, complete files that had a temporary name have their final name.
        known.push(...filesOf(folder, name, new Set(known.map(({ file }) => file))));
        known.sort((one, other) => one.facts.startUs - other.facts.startUs);
        expectNoOverlap(known.slice(-20));
        expect(holes(known)).toEqual([]);
        expect(await indexed(scene.proxy, name)).toEqual(expect.arrayContaining(known.map(({ file }) => file)));
      }
      const sample = files.get(CAMERAS[kill % CAMERAS.length] ?? '')?.at(-1);
      await expectPlays(sample?.path ?? '');
      if (kill % 20 === 0) expectIntactDatabases(scene.proxy);
    }
    await scene.proxy.end();

    expectIntactDatabases(scene.proxy);
    await scene.proxy.resume();
    await check(scene.proxy);
    for (const name of CAMERAS) {
      const all = filesOf(folder, name);
      expectNoOverlap(all);
      expect((await indexed(scene.proxy, name)).slice(0, all.length)).toEqual(all.map(({ file }) => file));
    }
    const segments = [...files.values()].reduce((sum, known) => sum + known.length, 0);
    const fault = `kill -9 while ${CAMERAS.length} cameras are recorded, ${KILLS} times`;
    const worstMs = percentile(lostMs, 100);
    const lost = `s of video lost by a kill, groups of ${GROUP_MS / 1000} s:`;
    const promise = 'the open group and the file that is being written';
    record({ row: 'C1', fault, figure: `${lost} median`, value: round(percentile(lostMs, 50) / 1000), promise });
    record({ row: 'C1', fault, figure: `${lost} worst`, value: round(worstMs / 1000), promise });
    record({
      row: 'C1',
      fault,
      figure: 'segments that do not play, overlap, or are not in the index',
      value: `0 of ${segments} (${unfinished} kills interrupted the writing of a file)`,
      promise: '0',
    });
    expect(worstMs).toBeLessThanOrEqual(GROUP_MS + UNTIL_WRITTEN_MS + CAMERAS.length * 3 * SLOW_MS);
  },
);
