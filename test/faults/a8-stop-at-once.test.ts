import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { type FaultyServer, refusedUrl, silentServer } from '../farm/faulty-servers.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';
import { percentile, record, round } from './report.js';
import { durationMs, frameSince, stateOf } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

const BOUND_MS = 30_000;
const ROUNDS = 3;
/** 300 ms are promised for the median. More is allowed on slow machines; less than any timeout of a connection. */
const LIMIT_MS = 2000;
/** 2 s are promised: the proxy also ends its calls and closes its database. */
const PROXY_LIMIT_MS = 10_000;

let scene: FarmScene;
let frozen: Farm;
let silent: FaultyServer;

beforeAll(async () => {
  scene = await FarmScene.start({ camera: 'h264-1920x1080-25-g50' }, { later: ['camera'] });
  frozen = await Farm.start({ mounts: [{ path: 'camera', clip: 'h264-640x480-25-g50' }] });
  silent = await silentServer();
});
afterAll(async () => {
  await scene.dispose();
  await frozen.stop();
  await silent.stop();
});

/** Brings a camera named after the state into that state. */
const states: Readonly<Record<string, () => Promise<void>>> = {
  connecting: async () => {
    const before = silent.connectionsMs.length;
    await scene.proxy.addCamera('connecting', silent.url);
    await waitFor('the connection', BOUND_MS, () => silent.connectionsMs.length > before);
  },
  hung: async () => {
    frozen.thaw();
    await scene.proxy.addCamera('hung', frozen.url('camera'));
    await scene.running('hung');
    frozen.freeze();
  },
  running: async () => {
    await scene.proxy.addCamera('running', scene.farm.url('camera'));
    await frameSince(scene.proxy, 'running', 0);
  },
  'backing-off': async () => {
    await scene.proxy.addCamera('backing-off', await refusedUrl());
    await stateOf(scene.client, 'backing-off', 'waiting', ({ error }) => error !== '');
  },
};

it('A8: a camera is removed at once in each state', async () => {
  const witness = await Witness.start(scene.proxy);
  const { threads } = scene.proxy.usage();
  const timesMs = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, reach] of Object.entries(states)) {
      await reach();
      const ms = await durationMs(() => scene.proxy.removeCamera(name));
      timesMs.set(name, [...(timesMs.get(name) ?? []), ms]);
    }
  }
  await waitFor('the threads to end', BOUND_MS, () => scene.proxy.usage().threads <= threads);

  const testimony = await witness.stop();
  for (const [name, ms] of timesMs) {
    record({
      row: 'A8',
      fault: `deleted while ${name}`,
      figure: `ms to delete while ${name}, median of ${ROUNDS}`,
      value: round(percentile(ms, 50), 0),
      promise: '≤ 300',
      others: testimony,
    });
  }
  for (const [name, ms] of timesMs) expect.soft(percentile(ms, 50), name).toBeLessThanOrEqual(LIMIT_MS);
  expectUndisturbed(testimony);
});

it('A8: the proxy ends at once with cameras in each state', async () => {
  for (const reach of Object.values(states)) await reach();
  let code: number | string = '';
  const ms = await durationMs(async () => {
    code = await scene.proxy.end();
  });
  record({
    row: 'A8',
    fault: 'SIGTERM with cameras in each state',
    figure: 'ms until the process has ended',
    value: round(ms, 0),
    promise: '≤ 2000',
  });
  expect(code).toBe(0);
  expect(ms).toBeLessThanOrEqual(PROXY_LIMIT_MS);
});
