import { createServer, type AddressInfo, type Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  ReachabilityProbe,
  isReachable,
  type ReachabilityTarget,
} from '../../../../src/cameras/reconnect/reachability-probe.js';
import { StillClock } from '../../fixtures/still-clock.js';

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 500;
const HOST = '127.0.0.1';

let server: Server | undefined;
let connections = 0;

afterEach(async () => {
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

describe('isReachable', () => {
  it('returns whether something listens on the port', async () => {
    const port = await listen();
    expect(await isReachable(HOST, port, TIMEOUT_MS, new AbortController().signal)).toBe(true);
    await close();
    expect(await isReachable(HOST, port, TIMEOUT_MS, new AbortController().signal)).toBe(false);
  });

  it('returns at once when it is aborted', async () => {
    const port = await listen();
    expect(await isReachable(HOST, port, TIMEOUT_MS, AbortSignal.abort())).toBe(false);
    expect(connections).toBe(0);
  });
});

describe('the reachability probe', () => {
  let clock: StillClock;
  let probe: ReachabilityProbe;
  /** Addresses that accept connections. */
  let reachable: Set<string>;
  /** Addresses that were probed. */
  let probed: string[];
  let backs: number;

  beforeEach(() => {
    clock = new StillClock();
    reachable = new Set();
    probed = [];
    backs = 0;
    probe = new ReachabilityProbe(clock, (address) => {
      probed.push(address);
      return Promise.resolve(reachable.has(address));
    });
  });

  function start(seenAway: boolean, target: Partial<ReachabilityTarget> = {}): void {
    probe.start({ addresses: [HOST], port: 554, ...target }, seenAway, () => {
      backs += 1;
    });
  }

  /** Lets pending promises settle, before and after each interval. */
  async function intervals(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      await setImmediate();
      clock.advance(INTERVAL_MS);
      await setImmediate();
    }
  }

  it('reports once that the camera is back', async () => {
    start(true);
    await intervals(5);
    expect(backs).toBe(0);
    expect(probed).toHaveLength(5);
    reachable.add(HOST);
    await intervals(5);
    expect(backs).toBe(1);
    expect(probed).toHaveLength(6);
  });

  it('ends without a report when the camera was never away', async () => {
    reachable.add(HOST);
    start(false);
    await intervals(5);
    expect(backs).toBe(0);
    expect(probed).toHaveLength(1);
  });

  it('finds out that the camera is away', async () => {
    start(false);
    await intervals(5);
    reachable.add(HOST);
    await intervals(1);
    expect(backs).toBe(1);
  });

  it('tries every address', async () => {
    reachable.add(HOST);
    start(true, { addresses: ['127.0.0.2', HOST] });
    await intervals(1);
    expect(probed).toEqual(['127.0.0.2', HOST]);
    expect(backs).toBe(1);
  });

  it('does not connect while another connection to the camera is being closed', async () => {
    reachable.add(HOST);
    let isBusy = true;
    start(true, { isBusy: () => isBusy });
    await intervals(5);
    expect(probed).toEqual([]);
    isBusy = false;
    await intervals(1);
    expect(backs).toBe(1);
  });

  it('ends without a report when it is stopped', async () => {
    start(true);
    probe.stop();
    reachable.add(HOST);
    await intervals(10);
    expect(backs).toBe(0);
    expect(probed).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
