import { Worker } from 'node:worker_threads';

import { systemClock } from './clock.js';
import { messageOf } from './errors.js';
import { within } from './within.js';

export interface ThreadOptions {
  /** The program of the thread. */
  readonly url: URL;
  /** Shown by tools that list threads. */
  readonly name: string;
  /** Becomes workerData, so it must be possible to clone it. */
  readonly data: unknown;
  /** Limits of V8's heap, in megabytes. A leak ends this thread and not the process. */
  readonly heapMb: { readonly old: number; readonly young: number };
}

export interface ThreadListener<From> {
  onMessage(message: From): void;
  /** The thread has ended. Called once. `error` says why; it is '' when we requested the end. */
  onGone(error: string): void;
}

/**
 * The environment may hold secrets (CHRYSPROXY_…), and a thread that parses data from the network must not have them. It
 * gets only the variable that src/native/addon.ts reads.
 */
function workerEnvironment(): NodeJS.ProcessEnv {
  const addon = process.env['CHRYSPROXY_NATIVE_ADDON'];
  return addon === undefined ? {} : { CHRYSPROXY_NATIVE_ADDON: addon };
}

/** A worker thread that receives work as messages and ends after a message. Main thread. */
export class ServiceThread<To, From> {
  private readonly worker: Worker;
  private readonly gone: Promise<void>;
  private isGone = false;
  private endRequested = false;

  constructor({ url, name, data, heapMb }: ThreadOptions, listener: ThreadListener<From>) {
    this.worker = new Worker(url, {
      workerData: data,
      name,
      env: workerEnvironment(),
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMb.old, maxYoungGenerationSizeMb: heapMb.young },
    });
    let error = '';
    this.worker.on('message', (message: From) => {
      listener.onMessage(message);
    });
    this.worker.on('error', (thrown) => {
      error = messageOf(thrown);
    });
    this.gone = new Promise((resolve) => {
      this.worker.once('exit', (code) => {
        this.isGone = true;
        resolve();
        listener.onGone(error !== '' || this.endRequested ? error : `it ended by itself with code ${code}`);
      });
    });
  }

  /** The message is lost when the thread has ended. */
  send(message: To): void {
    this.worker.postMessage(message);
  }

  /**
   * Requests the end with `message` and waits for it. False: the thread did not end within `graceMs`. It then ends by
   * itself when the call that blocks it returns. It is not terminated: that would crash the process when the thread is in
   * native code.
   */
  async end(message: To, graceMs: number): Promise<boolean> {
    this.endRequested = true;
    if (this.isGone) return true;
    this.send(message);
    const inTime = await within(
      this.gone.then(() => true),
      graceMs,
      systemClock,
      () => false,
    );
    if (!inTime) this.worker.unref();
    return inTime;
  }

  /** Resolves when the thread has ended. There is no timeout. */
  async whenEnded(): Promise<void> {
    await this.gone;
  }
}
