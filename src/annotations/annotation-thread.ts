import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { workerEnvironment } from '../cameras/worker-thread.js';
import type { AnnotationWorkerData, FromAnnotationWorker, ToAnnotationWorker } from './messages.js';

export interface ThreadListener {
  onMessage(message: FromAnnotationWorker): void;
  /** It crashed, and another will be started; what was asked of it is not answered any more. */
  onCrashed(): void;
}

const WORKER = new URL('./annotation-worker.js', import.meta.url);
/** V8's heap only: what is on its way, and a page of an answer. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };
/** Before a crashed thread is started again. */
const RESTART_MS = [1000, 2000, 5000, 10_000, 30_000];
/** A thread that lived so long was healthy: the next crash begins the back-off anew. */
const HEALTHY_MS = 60_000;

/** Keeps the annotation worker running. Main thread. */
export class AnnotationThread {
  private worker: Worker | undefined;
  private gone = Promise.resolve();
  private startedMs = 0;
  private crashes = 0;
  private cancelRestart: (() => void) | undefined;
  private crashed = '';
  private closed = false;

  constructor(
    private readonly data: () => AnnotationWorkerData,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly listener: ThreadListener,
    private readonly workerUrl: URL = WORKER,
  ) {}

  /** Why it does not run, as a sentence; '' = it runs. */
  get outage(): string {
    return this.crashed;
  }

  /** Resolves when its database is open. Throws failed_precondition when that is of no use. */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.start(resolve, reject);
    });
  }

  /** Nothing is sent while it does not run. */
  send(message: ToAnnotationWorker): void {
    this.worker?.postMessage(message);
  }

  /** False: it did not end within `graceMs` and is left alone, because the disk holds it. */
  async stop(graceMs: number): Promise<boolean> {
    this.closed = true;
    this.cancelRestart?.();
    const { worker } = this;
    if (worker === undefined) return true;
    this.send({ kind: 'stop' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, graceMs, false);
    });
    const inTime = await Promise.race([this.gone.then(() => true), late]);
    clearTimeout(timer);
    if (!inTime) worker.unref();
    return inTime;
  }

  private start(onOpened: () => void, onUnusable: (error: ChrysError) => void): void {
    const worker = new Worker(this.workerUrl, {
      workerData: this.data(),
      name: 'annotations',
      env: workerEnvironment(),
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
    });
    this.worker = worker;
    this.startedMs = this.clock.monotonicMs();
    let unusable: ChrysError | undefined;
    let error = '';
    worker.on('message', (message: FromAnnotationWorker) => {
      if (message.kind === 'opened') {
        this.crashed = '';
        onOpened();
      } else if (message.kind === 'unusable') {
        unusable = new ChrysError(message.error.kind, message.error.message);
      } else {
        this.listener.onMessage(message);
      }
    });
    worker.on('error', (thrown) => {
      error = messageOf(thrown);
    });
    this.gone = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.worker = undefined;
        resolve();
        const why = unusable?.message ?? (error === '' ? `it ended by itself with code ${code}` : error);
        if (!this.closed) this.onGone(why);
        onUnusable(unusable ?? new ChrysError('failed_precondition', `The annotations cannot be opened: ${why}.`));
      });
    });
  }

  private onGone(why: string): void {
    if (this.clock.monotonicMs() - this.startedMs >= HEALTHY_MS) this.crashes = 0;
    const delayMs = RESTART_MS[Math.min(this.crashes, RESTART_MS.length - 1)] ?? 0;
    this.crashes += 1;
    this.crashed = `the thread that keeps annotations ended (${why}); it is started again after ${delayMs / 1000} s`;
    this.logger.error(this.crashed);
    this.listener.onCrashed();
    this.cancelRestart = this.clock.after(delayMs, () => {
      this.start(
        () => undefined,
        () => undefined,
      );
    });
  }
}
