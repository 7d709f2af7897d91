import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { freePort, pause } from '../../support/wait.js';
import { systemClock, type Clock } from '../../../src/base/clock.js';
import { Supervision, camera } from '../fixtures/supervision.js';

const PROBE_INTERVAL_MS = 1000;
/** Makes the first back-off last minutes and probes fast, so that only a probe can cause an early attempt. */
const clock: Clock = {
  ...systemClock,
  after: (delayMs, action) => systemClock.after(delayMs === PROBE_INTERVAL_MS ? delayMs / 20 : delayMs * 200, action),
};
/** With this random number, no back-off is exactly as long as the interval of the probe. */
const slowly = { clock, random: () => 0.9 };

let server: Server | undefined;
/** False: the camera is frozen, but its kernel still accepts connections. */
let answers = true;
let supervision: Supervision;

afterEach(async () => {
  answers = true;
  await supervision.supervisor.stopAll();
  server?.close();
});

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server = createServer((socket) => {
      socket.on('error', () => undefined).on('data', () => answers && socket.end('RTSP/1.0 200 OK\r\n\r\n'));
    })
      .on('error', reject)
      .listen(port, '127.0.0.1', () => {
        resolve((server?.address() as AddressInfo).port);
      });
  });
}

describe('a camera that was away', () => {
  it.each(['refused', 'unreachable', 'connection_lost', 'stalled'])(
    'after %s is opened as soon as its port answers again',
    async (reason) => {
      supervision = new Supervision(slowly);
      const port = await freePort();
      supervision.supervisor.add(camera('a', `${reason},run`, `127.0.0.1:${port}`));
      const found = await supervision.reaches('a', 'reconnecting');
      await pause(1500);
      expect(found.stats.packets).toBe(1);
      await listen(port);
      await supervision.reaches('a', 'running');
    },
  );

  it.each(['stalled', 'open_timeout'])('after %s is opened as soon as it is no longer frozen', async (reason) => {
    supervision = new Supervision(slowly);
    answers = false;
    const port = await listen(0);
    supervision.supervisor.add(camera('a', `${reason},run`, `127.0.0.1:${port}`));
    const found = await supervision.reaches('a', 'reconnecting');
    await pause(1500);
    expect(found.stats.packets).toBe(1);
    answers = true;
    await supervision.reaches('a', 'running');
  });

  it.each(['connection_lost', 'stalled'])(
    'after %s waits for the back-off when it answers all the time',
    async (reason) => {
      supervision = new Supervision(slowly);
      const port = await listen(0);
      supervision.supervisor.add(camera('a', `${reason},run`, `127.0.0.1:${port}`));
      const found = await supervision.reaches('a', 'reconnecting');
      await pause(2500);
      expect(found.stats.packets).toBe(1);
    },
  );

  it('waits for the back-off when an attempt after an answered probe fails', async () => {
    supervision = new Supervision(slowly);
    const port = await listen(0);
    supervision.supervisor.add(camera('a', 'refused,refused,run', `127.0.0.1:${port}`));
    const found = await supervision.attempts('a', 2);
    await pause(2500);
    expect(found.stats.packets).toBe(2);
  });

  it('is not probed after it refused the password', async () => {
    supervision = new Supervision(slowly);
    let connections = 0;
    const port = await listen(0);
    server?.on('connection', () => {
      connections += 1;
    });
    supervision.supervisor.add(camera('a', 'unauthorized,run', `127.0.0.1:${port}`));
    await supervision.reaches('a', 'reconnecting');
    await pause(1500);
    expect(connections).toBe(0);
  });
});
