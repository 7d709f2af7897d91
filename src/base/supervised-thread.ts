import type { Clock } from './clock.js';
import { messageOf } from './errors.js';
import type { Logger } from './log.js';
import { ServiceThread, type ThreadForm } from './service-thread.js';

export interface SupervisedThreadOptions<From> extends Omit<ThreadForm, 'data'> {
  /** Asked at each start. */
  readonly data: () => unknown;
  /** What it is, for sentences: "the thread that records". */
  readonly what: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
  /** Whether a message says that it works; default: it does as soon as it has started. */
  readonly isReady?: (message: From) => boolean;
  onMessage(message: From): void;
  /** A new thread runs, which knows nothing yet. */
  onStarted?(): void;
  /** It crashed, and another will be started; what was asked of it is not answered any more. */
  onCrashed(): void;
}

/** Before a crashed thread is started again. */
const RESTART_MS = [1000, 2000, 5000, 10_000, 30_000];
/** A thread that lived so long was healthy: the next crash begins the back-off anew. */
const HEALTHY_MS = 60_000;

/** Has a thread run from the first time that it is needed, and starts it again when it crashes. Main thread. */
export class SupervisedThread<To, From> {
  private thread: ServiceThread<To, From> | undefined;
  private startedMs = 0;
  private crashes = 0;
  private cancelRestart: (() => void) | undefined;
  private crashed = '';
  private closed = false;

  constructor(private readonly options: SupervisedThreadOptions<From>) {}

  /** Why it does not run although it should, as a sentence; '' = all is well. */
  get outage(): string {
    return this.crashed;
  }

  /** Starts it, unless it runs or waits to be started again. */
  need(): void {
    if (this.closed || this.thread !== undefined || this.cancelRestart !== undefined) return;
    const { options } = this;
    this.startedMs = options.clock.monotonicMs();
    try {
      this.thread = this.start();
    } catch (error) {
      // No memory or no thread to be had.
      this.onGone(messageOf(error));
      return;
    }
    if (options.isReady === undefined) this.crashed = '';
    options.onStarted?.();
  }

  /** Nothing is sent while it does not run: a new thread is told everything. */
  send(message: To): void {
    this.thread?.send(message);
  }

  /** False: it did not end within `graceMs` and is left alone; it is not started again. */
  async end(message: To, graceMs: number): Promise<boolean> {
    this.closed = true;
    this.cancelRestart?.();
    return (await this.thread?.end(message, graceMs)) ?? true;
  }

  /** Resolves when the thread that was told to end is gone, however long that takes. */
  async wasGone(): Promise<void> {
    await this.thread?.wasGone();
  }

  private start(): ServiceThread<To, From> {
    const { options } = this;
    return new ServiceThread<To, From>(
      { ...options, data: options.data() },
      {
        onMessage: (message) => {
          if (options.isReady?.(message) === true) this.crashed = '';
          options.onMessage(message);
        },
        onGone: (error) => {
          this.onGone(error);
        },
      },
    );
  }

  private onGone(error: string): void {
    this.thread = undefined;
    if (this.closed) return;
    const { clock, logger, what } = this.options;
    if (clock.monotonicMs() - this.startedMs >= HEALTHY_MS) this.crashes = 0;
    const delayMs = RESTART_MS[Math.min(this.crashes, RESTART_MS.length - 1)] ?? 0;
    this.crashes += 1;
    this.crashed = `${what} ended (${error}); it is started again after ${delayMs / 1000} s`;
    logger.error(this.crashed);
    this.options.onCrashed();
    this.cancelRestart = clock.after(delayMs, () => {
      this.cancelRestart = undefined;
      this.need();
    });
  }
}
