/**
 * A thread that decodes the past for several queries, a frame of each in turn. It blocks in decoding, or sleeps until
 * there is a query, a free slot, or a query that was given up; so it never comes back to its event loop.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { messageOf } from '../base/errors.js';
import { loadAddon } from '../native/addon.js';
import type { HistoryHandle } from '../native/types.js';
import type { FromHistoryWorker, HistoryFailure, HistoryWorkerData, OpenMessage, ToHistoryWorker } from './messages.js';
import { SlotWriter } from './slots.js';

if (parentPort === null) throw new Error('history-worker.js runs only as a worker thread');
const port = parentPort;
const wake = new Int32Array((workerData as HistoryWorkerData).wake);
const addon = loadAddon();
const NO_MEMORY = new Uint8Array(0);

function post(message: FromHistoryWorker): void {
  port.postMessage(message);
}

/** One query. */
class Job {
  private readonly slots: SlotWriter;
  private readonly handle: HistoryHandle;

  constructor(private readonly message: OpenMessage) {
    this.slots = new SlotWriter(message.block, message.spare);
    const { options, packetRing } = message;
    this.handle = addon.openHistory({
      ...options,
      packetRing: new Uint8Array(packetRing),
      cancel: this.slots.cancelFlag,
    });
  }

  /** 'full': nothing can be done before the reader has taken a frame. */
  step(): 'worked' | 'full' | 'ended' {
    if (this.slots.cancelled) return 'ended';
    const slot = this.slots.free();
    if (slot === undefined) return 'full';
    let answer = addon.nextOfHistory(this.handle, this.slots.memoryOf(slot) ?? NO_MEMORY);
    if (answer !== undefined && answer.needed > 0) {
      post({ kind: 'memory', id: this.message.id, slot, ...this.slots.replace(slot, answer.needed) });
      answer = addon.nextOfHistory(this.handle, this.slots.memoryOf(slot) ?? NO_MEMORY);
    }
    if (answer === undefined) return 'ended';
    this.slots.publish(slot, answer);
    return 'worked';
  }

  close(): void {
    addon.closeHistory(this.handle);
  }
}

const jobs = new Map<number, Job>();

function failureOf(error: unknown): HistoryFailure {
  return { kind: error instanceof RangeError ? 'resource_exhausted' : 'internal', message: messageOf(error) };
}

function open(message: OpenMessage): void {
  try {
    jobs.set(message.id, new Job(message));
  } catch (error) {
    post({ kind: 'ended', id: message.id, failure: failureOf(error) });
  }
}

/** True: it did something. */
function stepOf(id: number, job: Job): boolean {
  let failure: HistoryFailure | undefined;
  try {
    const outcome = job.step();
    if (outcome !== 'ended') return outcome === 'worked';
  } catch (error) {
    failure = failureOf(error);
  }
  job.close();
  jobs.delete(id);
  post({ kind: 'ended', id, ...(failure === undefined ? {} : { failure }) });
  return true;
}

/** False: it is told to leave. */
function takeMessages(): boolean {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: ToHistoryWorker } | undefined;
    if (received === undefined) return true;
    if (received.message.kind === 'exit') return false;
    open(received.message);
  }
}

for (;;) {
  // Read before anything else: what happens from now on makes the wait return at once.
  const seen = Atomics.load(wake, 0);
  if (!takeMessages()) break;
  let worked = false;
  for (const [id, job] of jobs) worked = stepOf(id, job) || worked;
  if (!worked) Atomics.wait(wake, 0, seen);
}
for (const job of jobs.values()) job.close();
port.close();
