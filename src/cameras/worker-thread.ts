import { Worker } from 'node:worker_threads';

import { messageOf } from '../base/errors.js';
import type { FromWorker, ToWorker, WorkerData } from './worker-messages.js';

/**
 * V8's heap only; libav's memory and the rings do not count. The worker's own JavaScript needs a few megabytes, and
 * a leak in it must end that camera's thread and not the process.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };

/**
 * The environment may hold secrets (CHRYSPROXY_…) that a thread which parses data from the network has no use for.
 * Only what src/native/addon.ts reads goes on.
 */
export function workerEnvironment(): NodeJS.ProcessEnv {
  const addon = process.env['CHRYSPROXY_NATIVE_ADDON'];
  return addon === undefined ? {} : { CHRYSPROXY_NATIVE_ADDON: addon };
}

export interface WorkerListener {
  onMessage(message: FromWorker): void;
  /** The thread is gone; called once. `error` says why, '' when it was told to. */
  onGone(error: string): void;
}

/** One camera worker thread, from main's side. */
export class WorkerThread {
  private readonly worker: Worker;
  private readonly gone: Promise<void>;
  private isGone = false;
  private told = false;
  private error = '';

  constructor(url: URL, data: WorkerData, name: string, listener: WorkerListener) {
    this.worker = new Worker(url, {
      workerData: data,
      name: `camera ${name}`,
      env: workerEnvironment(),
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
    });
    this.worker.on('message', (message: FromWorker) => {
      listener.onMessage(message);
    });
    this.worker.on('error', (error) => {
      this.error = messageOf(error);
    });
    this.gone = new Promise((resolve) => {
      this.worker.once('exit', (code) => {
        this.isGone = true;
        resolve();
        listener.onGone(this.error !== '' || this.told ? this.error : `the thread ended by itself with code ${code}`);
      });
    });
  }

  open(message: Extract<ToWorker, { kind: 'open' }>): void {
    this.worker.postMessage(message);
  }

  /**
   * Ends the thread; raise CONTROL.stop first. False: it did not end within `graceMs`. Then it is left alone and
   * ends when what it hangs in returns: killing a thread inside native code would take the process with it.
   */
  async exit(graceMs: number): Promise<boolean> {
    this.told = true;
    if (this.isGone) return true;
    const message: ToWorker = { kind: 'exit' };
    this.worker.postMessage(message);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, graceMs, false);
    });
    const inTime = await Promise.race([this.gone.then(() => true), late]);
    clearTimeout(timer);
    if (!inTime) this.worker.unref();
    return inTime;
  }

  /** Resolves when the thread is gone, however long that takes. */
  async wasGone(): Promise<void> {
    await this.gone;
  }
}
