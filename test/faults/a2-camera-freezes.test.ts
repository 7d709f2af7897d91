import { afterAll, beforeAll, expect, it } from 'vitest';
import { FarmScene } from '../support/scene.js';
import { record, round } from './report.js';
import { frameSince, stateOf } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

/** The stall limit is 5 s, and 6 s are promised. A slow machine needs longer to report it. */
const LIMIT_S = 15;

let scene: FarmScene;

beforeAll(async () => {
  scene = await FarmScene.start({ icy: 'h264-640x480-25-g50' });
});
afterAll(async () => {
  await scene.dispose();
});

it('A2: a frozen camera is detected, and runs again when it thaws', async () => {
  await frameSince(scene.proxy, 'icy', 0);
  const witness = await Witness.start(scene.proxy);

  scene.farm.freeze();
  const frozenMs = Date.now();
  const state = await stateOf(scene.client, 'icy', 'reconnecting', ({ status }) => status === 'restarting');
  const detectS = (Date.now() - frozenMs) / 1000;

  scene.farm.thaw();
  const thawedMs = Date.now();
  const { atMs } = await frameSince(scene.proxy, 'icy', thawedMs);
  const recoverS = (atMs - thawedMs) / 1000;

  const testimony = await witness.stop();
  const fault = 'camera frozen: its connection is open and silent';
  record({ row: 'A2', fault, figure: 's to detect', value: round(detectS), promise: '≤ 6', others: testimony });
  record({ row: 'A2', fault, figure: 's to recover', value: round(recoverS), promise: 'reported', others: testimony });
  expect(detectS).toBeLessThanOrEqual(LIMIT_S);
  expect(state.error).toMatch(/stopped sending video/);
  expectUndisturbed(testimony);
});
