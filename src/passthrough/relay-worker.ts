/** The relay thread of one camera. It blocks while its RTMP server does not read. */
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock, type Clock } from '../base/clock.js';
import { loadAddon } from '../native/addon.js';
import type { RelayProgress, RelayWorkerData, ToRelay } from './messages.js';
import { Relay } from './relay.js';

if (parentPort === null) throw new Error('relay-worker.js runs only as a worker thread');
const port = parentPort;
const addon = loadAddon();
// Uses the addon's clock, which also stamps packet arrivals.
const clock: Clock = { ...systemClock, nowMs: () => Math.floor(addon.wallUs() / 1000) };
const relay = new Relay({
  data: workerData as RelayWorkerData,
  addon,
  clock,
  random: Math.random,
  post: (progress: RelayProgress) => {
    port.postMessage(progress);
  },
});
port.on('message', (message: ToRelay) => {
  if (message.kind === 'periods') relay.usePeriods(message.periods);
  else relay.stop();
});
void relay.run().then(() => {
  port.close();
});
