import { Worker } from 'node:worker_threads';

import { messageOf } from '../base/errors.js';
import { workerEnvironment } from '../cameras/worker-thread.js';
import type {
  FromHistoryWorker,
  HistoryWorkerData,
  OpenMessage,
  SegmentsMessage,
  ToHistoryWorker,
} from './messages.js';

/** V8's heap only: the worker's own JavaScript needs a few megabytes. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };

export interface HistoryThreadListener {
  onMessage(message: FromHistoryWorker): void;
  /** It is gone without having been told to; called once. */
  onCrashed(why: string): void;
}

/** One history worker, from main's side. */
export class HistoryThread {
  private readonly wakeWord = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private readonly gone: Promise<void>;
  private told = false;

  constructor(url: URL, name: string, listener: HistoryThreadListener) {
    const data: HistoryWorkerData = { wake: this.wakeWord.buffer };
    this.worker = new Worker(url, {
      workerData: data,
      name,
      env: workerEnvironment(),
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
    });
    let error = '';
    this.worker.on('message', (message: FromHistoryWorker) => {
      listener.onMessage(message);
    });
    this.worker.on('error', (thrown) => {
      error = messageOf(thrown);
    });
    this.gone = new Promise((resolve) => {
      this.worker.once('exit', (code) => {
        resolve();
        if (!this.told) listener.onCrashed(error === '' ? `it ended by itself with code ${code}` : error);
      });
    });
  }

  open(message: OpenMessage): void {
    this.send(message);
  }

  addSegments(message: SegmentsMessage): void {
    this.send(message);
  }

  /** There is something to do for it: a free slot, or a query that was given up. */
  wake(): void {
    Atomics.add(this.wakeWord, 0, 1);
    Atomics.notify(this.wakeWord, 0);
  }

  /** Resolves when it is gone: after the frame that it is at. */
  async exit(): Promise<void> {
    this.told = true;
    this.send({ kind: 'exit' });
    await this.gone;
  }

  private send(message: ToHistoryWorker): void {
    this.worker.postMessage(message);
    this.wake();
  }
}
