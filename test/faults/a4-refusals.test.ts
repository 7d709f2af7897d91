import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { audioOnlyServer, closingServer, type FaultyServer, refusedUrl, statusServer } from '../farm/faulty-servers.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { record, round } from './report.js';
import { streams, until } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

const WATCHED_MS = 25_000;
/** Three cameras of one address: without jitter they would come back at the same moment each time. */
const TOGETHER = ['closing-1', 'closing-2', 'closing-3'];
const MIN_SPREAD_MS = 20;

let farm: Farm;
let proxy: Proxy;
let client: ImageClient;
let closing: FaultyServer;
let notFound: FaultyServer;
let forbidding: FaultyServer;
let soundOnly: FaultyServer;

beforeAll(async () => {
  farm = await Farm.start({
    mounts: [{ path: 'locked', clip: 'h264-640x480-25-g50', user: 'viewer', password: 'right' }],
  });
  closing = await closingServer(0);
  notFound = await statusServer(404, 'Not Found');
  forbidding = await statusServer(401, 'Unauthorized');
  soundOnly = await audioOnlyServer();
  proxy = await Proxy.start();
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await farm.stop();
  await Promise.all([closing, notFound, forbidding, soundOnly].map((server) => server.stop()));
});

it('A4: a camera that cannot be reached says why, and is not hammered', async () => {
  const witness = await Witness.start(proxy);
  const startMs = Date.now();
  const cases = [
    { name: 'refused', url: await refusedUrl(), says: /Nothing listens/, most: 7 },
    { name: 'unroutable', url: 'rtsp://[2001:db8::1]/x', says: /no route|in time/, most: 7 },
    {
      name: 'unknown-host',
      url: 'rtsp://no-such-camera.invalid/x',
      says: /does not resolve/,
      most: 7,
    },
    { name: 'not-found', url: notFound.url, says: /no such stream/, most: 3 },
    { name: 'sound-only', url: soundOnly.url, says: /no video/, most: 7 },
    { name: 'no-password', url: forbidding.url, says: /needs a user name and a password/, most: 3 },
    {
      name: 'wrong-password',
      url: farm.url('locked', 'viewer:wrong'),
      says: /refused the user name or password/,
      most: 3,
    },
    ...TOGETHER.map((name) => ({ name, url: closing.url, says: /connection .*was lost|not valid RTSP/, most: 7 })),
  ];
  for (const { name, url } of cases) await proxy.addCamera(name, url);
  await until(startMs, WATCHED_MS);
  const states = await streams(client);

  const testimony = await witness.stop();
  for (const { name } of cases) {
    record({
      row: 'A4',
      fault: name,
      figure: `attempts a minute: ${name}`,
      value: round(((states.get(name)?.failing_streak ?? NaN) * 60_000) / WATCHED_MS, 1),
      promise: 'told; few after a refused password',
      others: testimony,
    });
  }
  for (const { name, says, most } of cases) {
    const state = states.get(name);
    expect.soft(state?.error, name).toMatch(says);
    expect.soft(state?.status, name).toBe('restarting');
    expect.soft(state?.failing_streak, name).toBeGreaterThanOrEqual(1);
    expect.soft(state?.failing_streak, name).toBeLessThanOrEqual(most);
  }
  const lastTogether = closing.connectionsMs.slice(-(closing.connectionsMs.length % 3) - 3).slice(0, 3);
  expect.soft(Math.max(...lastTogether) - Math.min(...lastTogether)).toBeGreaterThan(MIN_SPREAD_MS);
  expectUndisturbed(testimony);
});
