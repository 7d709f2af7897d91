import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { record, round } from './report.js';
import { frameSince, stateOf } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

let farm: Farm;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  farm = await Farm.start({ mounts: [{ path: 'icy', clip: 'h264-640x480-25-g50' }] });
  proxy = await Proxy.start();
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  farm.thaw();
  await farm.stop();
});

it('A2: a camera that is frozen is found out, and is back when it thaws', async () => {
  await proxy.addCamera('icy', farm.url('icy'));
  await proxy.cameraIsRunning('icy');
  await frameSince(proxy, 'icy', 0, 10_000);
  const witness = await Witness.start(proxy);

  farm.freeze();
  const frozenMs = Date.now();
  const state = await stateOf(client, 'icy', 'reconnecting', 15_000, ({ status }) => status === 'restarting');
  const detectS = (Date.now() - frozenMs) / 1000;

  farm.thaw();
  const thawedMs = Date.now();
  const { atMs } = await frameSince(proxy, 'icy', thawedMs, 30_000);
  const recoverS = (atMs - thawedMs) / 1000;

  const testimony = await witness.stop();
  const fault = 'camera frozen: its connection is open and says nothing';
  record({ row: 'A2', fault, figure: 's to detect', value: round(detectS), promise: '≤ 6', others: testimony });
  record({ row: 'A2', fault, figure: 's to recover', value: round(recoverS), promise: 'told', others: testimony });
  expect(detectS).toBeLessThanOrEqual(6);
  expect(state.error).toMatch(/stopped sending video/);
  expectUndisturbed(testimony);
});
