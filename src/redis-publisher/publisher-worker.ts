/**
 * The publisher thread: reads frames from the shared rings and publishes them to Redis, watches the requests of programs,
 * and writes camera states and events. No other thread waits for this thread, so Redis may be slow.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock, type Clock } from '../base/clock.js';
import { loadAddon } from '../native/addon.js';
import { RedisLink } from '../redis/redis-link.js';
import { PublisherWork } from './publisher-work.js';
import type { FromPublisher, PublisherWorkerData, ToPublisher } from './messages.js';

/** How often the requests of programs are read. */
const TICK_MS = 500;

if (parentPort === null) throw new Error('publisher-worker.js runs only as a worker thread');
const port = parentPort;
const data = workerData as PublisherWorkerData;
const addon = loadAddon();

// Uses the addon's clock, which also stamps packet arrivals, so that frame ages are exact.
const clock: Clock = { ...systemClock, nowMs: () => Math.floor(addon.wallUs() / 1000) };

const work = new PublisherWork({
  data,
  clock,
  copyFromSlot: (...slot) => addon.copyFromSlot(...slot),
  connect: (options, listener) => new RedisLink(options, listener, clock),
  post: (message: FromPublisher) => {
    port.postMessage(message);
  },
});

let stopped = false;
let cancelTick = tickLater();

function tickLater(): () => void {
  return clock.after(TICK_MS, () => void tick());
}

async function tick(): Promise<void> {
  await work.tick();
  if (!stopped) cancelTick = tickLater();
}

async function stop(): Promise<void> {
  stopped = true;
  cancelTick();
  await work.stop();
  port.close();
}

port.on('message', (message: ToPublisher) => {
  if (message.kind === 'stop') void stop();
  else work.take(message);
});
