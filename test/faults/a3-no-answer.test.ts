import { afterAll, beforeAll, expect, it } from 'vitest';
import { drippingServer, type FaultyServer, silentServer } from '../farm/faulty-servers.js';
import { Proxy } from '../support/proxy.js';
import { ProxyScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';
import { record, round } from './report.js';
import { stateOf } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

/** The timeout for opening a stream is 10 s. A slow machine needs longer to close the connection. */
const TIMEOUT_S = 10;
const LIMIT_S = 20;

let scene: ProxyScene;
let silent: FaultyServer;
let dripping: FaultyServer;

beforeAll(async () => {
  silent = await silentServer();
  dripping = await drippingServer();
  scene = new ProxyScene(await Proxy.start());
});

afterAll(async () => {
  await scene.dispose();
  await silent.stop();
  await dripping.stop();
});

it('A3: a server that accepts and does not answer, or only slowly, is left after the timeout', async () => {
  const witness = await Witness.start(scene.proxy);
  await scene.proxy.addCamera('silent', silent.url);
  await scene.proxy.addCamera('dripping', dripping.url);
  const openS = await Promise.all([silent, dripping].map(secondsUntilClosed));
  const states = await Promise.all(
    ['silent', 'dripping'].map((name) => stateOf(scene.client, name, 'with a reason', ({ error }) => error !== '')),
  );

  const testimony = await witness.stop();
  for (const [at, fault] of ['server accepts and never answers', 'server answers one byte a second'].entries()) {
    const value = round(openS[at] ?? NaN);
    record({ row: 'A3', fault, figure: `s until left: ${fault}`, value, promise: '≤ 10', others: testimony });
  }
  for (const state of states) expect(state.error).toMatch(/did not answer in time/);
  for (const seconds of openS) {
    expect(seconds).toBeGreaterThan(TIMEOUT_S - 1);
    expect(seconds).toBeLessThanOrEqual(LIMIT_S);
  }
  expectUndisturbed(testimony);
});

async function secondsUntilClosed(server: FaultyServer): Promise<number> {
  const closedMs = await waitFor('the connection to be closed', 60_000, () => server.closedMs[0]);
  return (closedMs - (server.connectionsMs[0] ?? NaN)) / 1000;
}
