import { afterAll, beforeAll, expect, it } from 'vitest';
import { drippingServer, type FaultyServer, silentServer } from '../farm/faulty-servers.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';
import { record, round } from './report.js';
import { stateOf } from './scenario.js';
import { expectUndisturbed, Witness } from './witness.js';

/** The deadline is 10 s; the rest is what two busy processes may need to notice. */
const PROMISED_S = 10;
const SLACK_S = 0.5;

let proxy: Proxy;
let client: ImageClient;
let silent: FaultyServer;
let dripping: FaultyServer;

beforeAll(async () => {
  silent = await silentServer();
  dripping = await drippingServer();
  proxy = await Proxy.start();
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await silent.stop();
  await dripping.stop();
});

it('A3: a server that accepts and never answers, or drips, is given up at the deadline', async () => {
  const witness = await Witness.start(proxy);
  await proxy.addCamera('silent', silent.url);
  await proxy.addCamera('dripping', dripping.url);
  const givenUpS = await Promise.all([silent, dripping].map(secondsUntilClosed));
  const states = await Promise.all(
    ['silent', 'dripping'].map((name) => stateOf(client, name, 'with a reason', 5000, ({ error }) => error !== '')),
  );

  const testimony = await witness.stop();
  for (const [at, fault] of ['server accepts and never answers', 'server answers one byte a second'].entries()) {
    const value = round(givenUpS[at] ?? NaN);
    record({ row: 'A3', fault, figure: `s to give up: ${fault}`, value, promise: '≤ 10', others: testimony });
  }
  for (const state of states) expect(state.error).toMatch(/did not answer in time/);
  for (const seconds of givenUpS) expect(seconds).toBeLessThanOrEqual(PROMISED_S + SLACK_S);
  expectUndisturbed(testimony);
});

async function secondsUntilClosed(server: FaultyServer): Promise<number> {
  const closedMs = await waitFor('the connection to be closed', 20_000, () => server.closedMs[0]);
  return (closedMs - (server.connectionsMs[0] ?? NaN)) / 1000;
}
