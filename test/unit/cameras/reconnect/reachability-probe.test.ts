import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { ReachabilityProbe, isReachable } from '../../../../src/cameras/reconnect/reachability-probe.js';
import { waitFor } from '../../../support/wait.js';

const INTERVAL_MS = 20;
const TIMEOUT_MS = 500;
const HOST = '127.0.0.1';

let server: Server | undefined;
let knocker: ReachabilityProbe | undefined;
let connections = 0;

afterEach(async () => {
  knocker?.stop();
  await close();
});

async function listen(port = 0): Promise<number> {
  connections = 0;
  const opened = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
    socket.resume();
  });
  server = opened;
  await new Promise<void>((resolve, reject) => {
    opened.once('error', reject);
    opened.listen(port, HOST, resolve);
  });
  return (opened.address() as AddressInfo).port;
}

async function close(): Promise<void> {
  const closing = server;
  server = undefined;
  if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
}

async function closedPort(): Promise<number> {
  const port = await listen();
  await close();
  return port;
}

describe('a knock', () => {
  it('tells whether something listens', async () => {
    const port = await listen();
    expect(await isReachable(HOST, port, TIMEOUT_MS, new AbortController().signal)).toBe(true);
    await close();
    expect(await isReachable(HOST, port, TIMEOUT_MS, new AbortController().signal)).toBe(false);
  });

  it('is over at once when it is called off', async () => {
    const port = await listen();
    expect(await isReachable(HOST, port, TIMEOUT_MS, AbortSignal.abort())).toBe(false);
    expect(connections).toBe(0);
  });
});

describe('waiting for a camera to return', () => {
  function start(port: number, seenAway: boolean): { readonly backs: number } {
    const told = { backs: 0 };
    knocker = new ReachabilityProbe(INTERVAL_MS, TIMEOUT_MS);
    knocker.start({ addresses: [HOST], port }, seenAway, () => {
      told.backs++;
    });
    return told;
  }

  it('tells once that it is back', async () => {
    const port = await closedPort();
    const told = start(port, true);
    await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
    expect(told.backs).toBe(0);
    await listen(port);
    await waitFor('the knocker to notice', 15_000, () => told.backs > 0);
    await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
    expect(told.backs).toBe(1);
    expect(connections).toBe(1);
  });

  it('ends silently when it was never away', async () => {
    const port = await listen();
    const told = start(port, false);
    await waitFor('the first knock', 15_000, () => connections > 0);
    await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
    expect(told.backs).toBe(0);
    expect(connections).toBe(1);
  });

  it('finds out by itself that it is away', async () => {
    const port = await closedPort();
    const told = start(port, false);
    await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
    await listen(port);
    await waitFor('the knocker to notice', 15_000, () => told.backs > 0);
    expect(told.backs).toBe(1);
  });

  it('tries every address', async () => {
    const port = await listen();
    let backs = 0;
    knocker = new ReachabilityProbe(INTERVAL_MS, TIMEOUT_MS);
    // Nothing listens on the second loopback address.
    knocker.start({ addresses: ['127.0.0.2', HOST], port }, true, () => {
      backs++;
    });
    await waitFor('the knocker to notice', 15_000, () => backs > 0);
  });

  it('does not connect while another connection to the camera is being closed', async () => {
    const port = await listen();
    let busy = true;
    let backs = 0;
    knocker = new ReachabilityProbe(INTERVAL_MS, TIMEOUT_MS);
    knocker.start({ addresses: [HOST], port, isBusy: () => busy }, true, () => {
      backs++;
    });
    await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
    expect(connections).toBe(0);
    busy = false;
    await waitFor('the knocker to notice', 15_000, () => backs > 0);
  });

  it('stops when it is told to', async () => {
    const port = await closedPort();
    const told = start(port, true);
    knocker?.stop();
    await listen(port);
    await new Promise((resolve) => setTimeout(resolve, 10 * INTERVAL_MS));
    expect(told.backs).toBe(0);
    expect(connections).toBe(0);
  });
});
