/** The thread that pushes one camera to its RTMP server; a server that does not read holds back this thread only. */
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock, type Clock } from '../base/clock.js';
import { loadAddon } from '../native/addon.js';
import type { RelayProgress, RelayWorkerData, ToRelay } from './messages.js';
import { Relay } from './relay.js';

if (parentPort === null) throw new Error('relay-worker.js runs only as a worker thread');
const port = parentPort;
const addon = loadAddon();
// That of the packets' arrivals.
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
