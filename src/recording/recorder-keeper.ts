import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { FromRecorder, RecorderWorkerData, ToRecorder } from './messages.js';
import { RecorderThread } from './recorder-thread.js';

export interface KeeperListener {
  onMessage(message: FromRecorder): void;
  /** A new thread runs, which knows nothing yet. */
  onStarted(): void;
  /** It crashed, and another will be started. */
  onCrashed(): void;
}

const WORKER = new URL('./recorder-worker.js', import.meta.url);
/** Before a crashed thread is started again. */
const RESTART_MS = [1000, 2000, 5000, 10_000, 30_000];
/** A thread that lived so long was healthy: the next crash begins the back-off anew. */
const HEALTHY_MS = 60_000;

/** Has the recorder worker run from the first time that it is needed, and starts it again when it crashes. Main thread. */
export class RecorderKeeper {
  private thread: RecorderThread | undefined;
  private startedMs = 0;
  private crashes = 0;
  private cancelRestart: (() => void) | undefined;
  private crashed = '';
  private closed = false;

  constructor(
    private readonly data: RecorderWorkerData,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly listener: KeeperListener,
    private readonly workerUrl: URL = WORKER,
  ) {}

  /** Why it does not run although it should, as a sentence; '' = all is well. */
  get outage(): string {
    return this.crashed;
  }

  /** Starts it, unless it runs or waits to be started again. */
  need(): void {
    if (this.closed || this.thread !== undefined || this.cancelRestart !== undefined) return;
    const thread = new RecorderThread(this.workerUrl, this.data, {
      onMessage: (message) => {
        this.listener.onMessage(message);
      },
      onCrashed: (why) => {
        this.onCrashed(why);
      },
    });
    this.thread = thread;
    this.startedMs = this.clock.monotonicMs();
    this.crashed = '';
    this.listener.onStarted();
  }

  /** Nothing is sent while it does not run: a new thread is told everything. */
  send(message: ToRecorder): void {
    this.thread?.send(message);
  }

  /** What is open is still written. False: not within `graceMs`. */
  async stop(graceMs: number): Promise<boolean> {
    this.closed = true;
    this.cancelRestart?.();
    return (await this.thread?.stop(graceMs)) ?? true;
  }

  private onCrashed(why: string): void {
    this.thread = undefined;
    if (this.clock.monotonicMs() - this.startedMs >= HEALTHY_MS) this.crashes = 0;
    const delayMs = RESTART_MS[Math.min(this.crashes, RESTART_MS.length - 1)] ?? 0;
    this.crashes += 1;
    this.crashed = `the thread that records ended (${why}); it is started again after ${delayMs / 1000} s`;
    this.logger.error(this.crashed);
    this.listener.onCrashed();
    if (this.closed) return;
    this.cancelRestart = this.clock.after(delayMs, () => {
      this.cancelRestart = undefined;
      this.need();
    });
  }
}
