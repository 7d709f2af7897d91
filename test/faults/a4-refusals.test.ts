import { afterAll, beforeAll, expect, it } from 'vitest';
import { audioOnlyServer, closingServer, type FaultyServer, refusedUrl, statusServer } from '../farm/faulty-servers.js';
import { FarmScene } from '../support/scene.js';
import { record, round } from './report.js';
import { streams, until } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

const WATCHED_MS = 25_000;
/** Three cameras of one address. Without jitter they would reconnect at the same moment each time. */
const TOGETHER = ['closing-1', 'closing-2', 'closing-3'];
const MIN_SPREAD_MS = 20;

let scene: FarmScene;
let closing: FaultyServer;
let notFound: FaultyServer;
let forbidding: FaultyServer;
let audioOnly: FaultyServer;

beforeAll(async () => {
  const locked = { clip: 'h264-640x480-25-g50', user: 'viewer', password: 'right' };
  scene = await FarmScene.start({ locked }, { later: ['locked'] });
  closing = await closingServer(0);
  notFound = await statusServer(404, 'Not Found');
  forbidding = await statusServer(401, 'Unauthorized');
  audioOnly = await audioOnlyServer();
});
afterAll(async () => {
  await scene.dispose();
  await Promise.all([closing, notFound, forbidding, audioOnly].map((server) => server.stop()));
});

it('A4: a camera that cannot be opened has a reason, and few attempts are made', async () => {
  const witness = await Witness.start(scene.proxy);
  const startMs = Date.now();
  const cases = [
    { name: 'refused', url: await refusedUrl(), says: /Nothing listens/, maxAttempts: 7 },
    { name: 'unroutable', url: 'rtsp://[2001:db8::1]/x', says: /no route|in time/, maxAttempts: 7 },
    {
      name: 'unknown-host',
      url: 'rtsp://no-such-camera.invalid/x',
      says: /does not resolve/,
      maxAttempts: 7,
    },
    { name: 'not-found', url: notFound.url, says: /no such stream/, maxAttempts: 3 },
    { name: 'audio-only', url: audioOnly.url, says: /no video/, maxAttempts: 7 },
    { name: 'no-password', url: forbidding.url, says: /needs a user name and a password/, maxAttempts: 3 },
    {
      name: 'wrong-password',
      url: scene.farm.url('locked', 'viewer:wrong'),
      says: /refused the user name or password/,
      maxAttempts: 3,
    },
    ...TOGETHER.map((name) => ({
      name,
      url: closing.url,
      says: /connection .*was lost|not valid RTSP/,
      maxAttempts: 7,
    })),
  ];
  for (const { name, url } of cases) await scene.proxy.addCamera(name, url);
  // The figure is a rate of attempts: it needs this time.
  await until(startMs, WATCHED_MS);
  const states = await streams(scene.client);

  const testimony = await witness.stop();
  for (const { name } of cases) {
    record({
      row: 'A4',
      fault: name,
      figure: `attempts a minute: ${name}`,
      value: round(((states.get(name)?.failing_streak ?? NaN) * 60_000) / WATCHED_MS, 1),
      promise: 'reported; few after a refused password',
      others: testimony,
    });
  }
  for (const { name, says, maxAttempts } of cases) {
    const state = states.get(name);
    expect.soft(state?.error, name).toMatch(says);
    expect.soft(state?.status, name).toBe('restarting');
    expect.soft(state?.failing_streak, name).toBeGreaterThanOrEqual(1);
    expect.soft(state?.failing_streak, name).toBeLessThanOrEqual(maxAttempts);
  }
  const lastTogether = closing.connectionsMs.slice(-(closing.connectionsMs.length % 3) - 3).slice(0, 3);
  expect.soft(Math.max(...lastTogether) - Math.min(...lastTogether)).toBeGreaterThan(MIN_SPREAD_MS);
  expectUndisturbed(testimony);
});
