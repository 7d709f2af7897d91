import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { Proxy } from '../support/proxy.js';
import { percentile, record, round } from './report.js';
import { frameSince } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

const CAMERAS = ['one', 'two', 'three', 'four', 'five'];
const ROUNDS = 2;

let farm: Farm;
let proxy: Proxy;

beforeAll(async () => {
  farm = await Farm.start({ mounts: CAMERAS.map((path) => ({ path, clip: 'h264-640x480-25-g50' })) });
  proxy = await Proxy.start();
});

afterAll(async () => {
  await proxy.dispose();
  await farm.stop();
});

it('A1: cameras that were killed and started again are back by themselves', async () => {
  for (const name of CAMERAS) await proxy.addCamera(name, farm.url(name));
  for (const name of CAMERAS) await proxy.cameraIsRunning(name);
  const witness = await Witness.start(proxy);

  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const killedMs = Date.now();
    await farm.restart();
    const returnedMs = Date.now();
    const back = await Promise.all(CAMERAS.map((name) => frameSince(proxy, name, killedMs, 30_000)));
    seconds.push(...back.map(({ atMs }) => Math.max(0, atMs - returnedMs) / 1000));
  }

  const testimony = await witness.stop();
  record({
    row: 'A1',
    fault: `${CAMERAS.length} cameras killed and started again, ${ROUNDS} times`,
    figure: 's to the first frame after the return, p95',
    value: round(percentile(seconds, 95)),
    promise: '≤ 3',
    others: testimony,
  });
  expect(percentile(seconds, 95)).toBeLessThanOrEqual(3);
  expectUndisturbed(testimony);
});
