import { Worker } from 'node:worker_threads';

import { messageOf } from '../base/errors.js';
import { workerEnvironment } from '../cameras/worker-thread.js';
import type { FromRecorder, RecorderWorkerData, ToRecorder } from './messages.js';

/** V8's heap only: the worker's own JavaScript needs a few megabytes. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

export interface RecorderThreadListener {
  onMessage(message: FromRecorder): void;
  /** It is gone without having been told to; called once. */
  onCrashed(why: string): void;
}

/** The recorder worker, from main's side. */
export class RecorderThread {
  private readonly worker: Worker;
  private readonly gone: Promise<void>;
  private told = false;

  constructor(url: URL, data: RecorderWorkerData, listener: RecorderThreadListener) {
    this.worker = new Worker(url, {
      workerData: data,
      name: 'recorder',
      env: workerEnvironment(),
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
    });
    let error = '';
    this.worker.on('message', (message: FromRecorder) => {
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

  send(message: ToRecorder): void {
    this.worker.postMessage(message);
  }

  /**
   * It writes what is open and ends. False: not within `graceMs`; it is left alone then and ends when the disk lets go
   * of it: killing a thread inside native code would take the process with it.
   */
  async stop(graceMs: number): Promise<boolean> {
    this.told = true;
    this.send({ kind: 'stop' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, graceMs, false);
    });
    const inTime = await Promise.race([this.gone.then(() => true), late]);
    clearTimeout(timer);
    if (!inTime) this.worker.unref();
    return inTime;
  }
}
