import { Worker } from 'node:worker_threads';

import { messageOf } from './errors.js';

/** What a thread is started with. */
export interface ThreadForm {
  /** Of its program. */
  readonly url: URL;
  /** Shown by tools that list threads. */
  readonly name: string;
  /** workerData: only what can be cloned. */
  readonly data: unknown;
  /** V8's heap only, megabytes: a leak must end this thread and not the process. */
  readonly heapMb: { readonly old: number; readonly young: number };
}

export interface ThreadListener<From> {
  onMessage(message: From): void;
  /** The thread is gone; called once. `error` says why, '' when it was told to. */
  onGone(error: string): void;
}

/**
 * The environment may hold secrets (CHRYSPROXY_…) that a thread which parses data from the network has no use for.
 * Only what src/native/addon.ts reads goes on.
 */
function workerEnvironment(): NodeJS.ProcessEnv {
  const addon = process.env['CHRYSPROXY_NATIVE_ADDON'];
  return addon === undefined ? {} : { CHRYSPROXY_NATIVE_ADDON: addon };
}

/** A worker thread that is told what to do by messages and ends by one, from main's side. */
export class ServiceThread<To, From> {
  private readonly worker: Worker;
  private readonly gone: Promise<void>;
  private isGone = false;
  private told = false;

  constructor({ url, name, data, heapMb }: ThreadForm, listener: ThreadListener<From>) {
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
        listener.onGone(error !== '' || this.told ? error : `it ended by itself with code ${code}`);
      });
    });
  }

  /** Lost when it is gone. */
  send(message: To): void {
    this.worker.postMessage(message);
  }

  /**
   * `message` tells it to end. False: it did not within `graceMs`. Then it is left alone and ends when what it hangs in
   * returns: killing a thread inside native code would take the process with it.
   */
  async end(message: To, graceMs: number): Promise<boolean> {
    this.told = true;
    if (this.isGone) return true;
    this.send(message);
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
