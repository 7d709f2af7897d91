import { afterAll, beforeAll, expect, it } from 'vitest';
import { FarmScene } from '../support/scene.js';
import { percentile, record, round } from './report.js';
import { frameSince } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

const CAMERAS = ['one', 'two', 'three', 'four', 'five'];
const ROUNDS = 2;
/** Much more than the promised 3 s, for slow machines; less than a proxy that backs off as from a dead camera. */
const LIMIT_S = 15;

let scene: FarmScene;

beforeAll(async () => {
  scene = await FarmScene.start(Object.fromEntries(CAMERAS.map((name) => [name, 'h264-640x480-25-g50'])));
});
afterAll(async () => {
  await scene.dispose();
});

it('A1: cameras that restart run again without help', async () => {
  const witness = await Witness.start(scene.proxy);

  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const killedMs = Date.now();
    await scene.farm.restart();
    const returnedMs = Date.now();
    const back = await Promise.all(CAMERAS.map((name) => frameSince(scene.proxy, name, killedMs)));
    seconds.push(...back.map(({ atMs }) => Math.max(0, atMs - returnedMs) / 1000));
  }

  const testimony = await witness.stop();
  record({
    row: 'A1',
    fault: `${CAMERAS.length} cameras killed and restarted, ${ROUNDS} times`,
    figure: 's to the first frame after the return, p95',
    value: round(percentile(seconds, 95)),
    promise: '≤ 3',
    others: testimony,
  });
  expect(percentile(seconds, 95)).toBeLessThanOrEqual(LIMIT_S);
  expectUndisturbed(testimony);
});
