/**
 * The one thread that talks to Redis for the bus: it reads frames from the shared rings and publishes them, looks for what
 * programs ask for, and writes states and events. Redis may take as long as it likes; nothing waits for this thread.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock, type Clock } from '../base/clock.js';
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

// Uses the addon's clock, which also stamps packet arrivals, so that frame ages are exact.
const clock: Clock = { ...systemClock, nowMs: () => Math.floor(addon.wallUs() / 1000) };

const work = new BusWorker({
  data,
  clock,
  copyFromSlot: (...slot) => addon.copyFromSlot(...slot),
  connect: (options, listener) => new RedisLink(options, listener, clock),
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
