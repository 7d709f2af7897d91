/**
 * The one thread that talks to Redis for the bus: it reads frames from the shared rings and publishes them, looks for what
 * programs ask for, and writes states and events. Redis may take as long as it likes; nothing waits for this thread.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock } from '../base/clock.js';
import { loadAddon } from '../native/addon.js';
import { RedisLink } from '../redis/redis-link.js';
import { BusWorker } from './bus-work.js';
import type { BusWorkerData, FromBus, ToBus } from './messages.js';

/** How often it is looked for what programs ask for. */
const TICK_MS = 500;

if (parentPort === null) throw new Error('bus-worker.js runs only as a worker thread');
const port = parentPort;
const data = workerData as BusWorkerData;
const addon = loadAddon();

const work = new BusWorker({
  data,
  // That of the packets' arrivals, so that ages are right.
  clock: { ...systemClock, nowMs: () => Math.floor(addon.wallUs() / 1000) },
  copyFromSlot: (...slot) => addon.copyFromSlot(...slot),
  connect: (options, listener) => new RedisLink(options, listener),
  post: (message: FromBus) => {
    port.postMessage(message);
  },
});

let ticking: NodeJS.Timeout | undefined;

async function tick(): Promise<void> {
  await work.tick();
  if (ticking !== undefined) ticking = setTimeout(() => void tick(), TICK_MS);
}

ticking = setTimeout(() => void tick(), TICK_MS);

async function stop(): Promise<void> {
  clearTimeout(ticking);
  ticking = undefined;
  await work.stop();
  port.close();
}

port.on('message', (message: ToBus) => {
  if (message.kind === 'stop') void stop();
  else work.take(message);
});
