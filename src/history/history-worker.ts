/**
 * A thread that serves several history queries in turn, one frame each. Without work it sleeps until there is a new query, a
 * free slot or a cancelled query. It never returns to its event loop.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { messageOf } from '../base/errors.js';
import { loadAddon } from '../native/addon.js';
import type { HistoryHandle } from '../native/types.js';
import type {
  FromHistoryWorker,
  HistoryFailure,
  HistoryWorkerData,
  OpenMessage,
  SegmentsMessage,
  ToHistoryWorker,
} from './messages.js';
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
  private waitsForSegments = false;

  constructor(private readonly message: OpenMessage) {
    this.slots = new SlotWriter(message.block, message.pooled);
    const { job, packetRing } = message;
    const source = {
      packetRing: packetRing === undefined ? undefined : new Uint8Array(packetRing),
      cancel: this.slots.cancelFlag,
    };
    this.handle =
      job.kind === 'clip'
        ? addon.openClip({ ...job.options, ...source, audioRing: job.audioRing && new Uint8Array(job.audioRing) })
        : addon.openHistory({ ...job.options, ...source });
  }

  addSegments({ segments, more }: SegmentsMessage): void {
    this.waitsForSegments = false;
    addon.addSegments(this.handle, segments, more);
  }

  /** 'blocked': the query waits until the reader takes a frame, or segments arrive. */
  step(): 'worked' | 'blocked' | 'ended' {
    if (this.slots.cancelled) return 'ended';
    const slot = this.slots.free();
    if (slot === undefined || this.waitsForSegments) return 'blocked';
    let answer = addon.nextHistoryPiece(this.handle, this.slots.memoryOf(slot) ?? NO_MEMORY);
    if (answer !== undefined && answer.needed > 0) {
      post({ kind: 'memory', id: this.message.id, slot, ...this.slots.replace(slot, answer.needed) });
      answer = addon.nextHistoryPiece(this.handle, this.slots.memoryOf(slot) ?? NO_MEMORY);
    }
    if (answer === undefined) return 'ended';
    if (answer.nextSequence !== undefined) {
      this.waitsForSegments = true;
      post({ kind: 'more', id: this.message.id, wanted: answer.nextSequence });
      return 'blocked';
    }
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

/** Returns whether the query made progress. */
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

/** Returns false when the thread must exit. */
function takeMessages(): boolean {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: ToHistoryWorker } | undefined;
    if (received === undefined) return true;
    const { message } = received;
    if (message.kind === 'exit') return false;
    if (message.kind === 'open') open(message);
    else jobs.get(message.id)?.addSegments(message);
  }
}

for (;;) {
  // Read before the messages: any later change of `wake` makes the wait return at once.
  const seen = Atomics.load(wake, 0);
  if (!takeMessages()) break;
  let worked = false;
  for (const [id, job] of jobs) worked = stepOf(id, job) || worked;
  if (!worked) Atomics.wait(wake, 0, seen);
}
for (const job of jobs.values()) job.close();
port.close();
