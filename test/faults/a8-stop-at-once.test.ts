import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { type FaultyServer, refusedUrl, silentServer } from '../farm/faulty-servers.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';
import { percentile, record, round } from './report.js';
import { durationMs, frameSince, stateOf } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

/** A request to a busy machine's proxy included, hence the median. */
const PROMISED_MS = 300;
const ROUNDS = 3;
/** The proxy also has its calls to end, its database to close and itself to leave. */
const WHOLE_PROXY_MS = 2000;

let farm: Farm;
let frozen: Farm;
let silent: FaultyServer;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  farm = await Farm.start({ mounts: [{ path: 'camera', clip: 'h264-1920x1080-25-g50' }] });
  frozen = await Farm.start({ mounts: [{ path: 'camera', clip: 'h264-640x480-25-g50' }] });
  silent = await silentServer();
  proxy = await Proxy.start();
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  frozen.thaw();
  await frozen.stop();
  await farm.stop();
  await silent.stop();
});

/** Brings a camera named after the state into that state. */
const states: Readonly<Record<string, () => Promise<void>>> = {
  connecting: async () => {
    const before = silent.connectionsMs.length;
    await proxy.addCamera('connecting', silent.url);
    await waitFor('the connection', 5000, () => silent.connectionsMs.length > before);
  },
  hung: async () => {
    frozen.thaw();
    await proxy.addCamera('hung', frozen.url('camera'));
    await proxy.cameraIsRunning('hung');
    frozen.freeze();
  },
  running: async () => {
    await proxy.addCamera('running', farm.url('camera'));
    await frameSince(proxy, 'running', 0, 10_000);
  },
  'backing-off': async () => {
    await proxy.addCamera('backing-off', await refusedUrl());
    await stateOf(client, 'backing-off', 'waiting', 10_000, ({ error }) => error !== '');
  },
};

it('A8: a camera is removed at once, whatever state it is in', async () => {
  const witness = await Witness.start(proxy);
  const { threads } = proxy.usage();
  const timesMs = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, reach] of Object.entries(states)) {
      await reach();
      const ms = await durationMs(() => proxy.removeCamera(name));
      timesMs.set(name, [...(timesMs.get(name) ?? []), ms]);
    }
  }
  await waitFor('the threads to be gone', 5000, () => proxy.usage().threads <= threads);

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
  for (const [name, ms] of timesMs) expect.soft(percentile(ms, 50), name).toBeLessThanOrEqual(PROMISED_MS);
  expectUndisturbed(testimony);
});

it('A8: the whole proxy stops at once with cameras in every state', async () => {
  for (const reach of Object.values(states)) await reach();
  let code: number | string = '';
  const ms = await durationMs(async () => {
    code = await proxy.end();
  });
  record({
    row: 'A8',
    fault: 'SIGTERM with cameras in every state',
    figure: 'ms until the whole process is gone',
    value: round(ms, 0),
    promise: `≤ ${WHOLE_PROXY_MS}`,
  });
  expect(code).toBe(0);
  expect(ms).toBeLessThanOrEqual(WHOLE_PROXY_MS);
});
