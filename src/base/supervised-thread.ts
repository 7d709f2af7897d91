import type { Clock } from './clock.js';
import { messageOf } from './errors.js';
import type { Logger } from './log.js';
import { RetryLadder } from './retry-ladder.js';
import { ServiceThread, type ThreadOptions } from './service-thread.js';

export interface SupervisedThreadOptions<From> extends Omit<ThreadOptions, 'data'> {
  /** Called at each start; the result becomes workerData. */
  readonly data: () => unknown;
  /** Begins messages about the thread: "The recorder thread". */
  readonly label: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
  /** Whether a message says that the thread works. Default: it works as soon as it has started. */
  readonly isReady?: (message: From) => boolean;
  onMessage(message: From): void;
  /** A new thread runs. It has no state yet. */
  onStarted?(): void;
  /** The thread crashed and will be started again. Open questions are not answered. */
  onCrashed(): void;
}

/** Delays before a crashed thread is started again. */
const RESTART_MS = [1000, 2000, 5000, 10_000, 30_000] as const;
/** After a thread has run for this long, the next crash has the first delay again. */
const HEALTHY_MS = 60_000;

/** Starts a thread when it is first needed, and again when it crashes. Main thread. */
export class SupervisedThread<To, From> {
  private thread: ServiceThread<To, From> | undefined;
  private startedMs = 0;
  private readonly restarts = new RetryLadder({ stepsMs: RESTART_MS, healthyMs: HEALTHY_MS });
  private cancelRestart: (() => void) | undefined;
  private crashText = '';
  private closed = false;

  constructor(private readonly options: SupervisedThreadOptions<From>) {}

  /** Why the thread does not run although it should, as a sentence without full stop; '' = it runs. */
  get outage(): string {
    return this.crashText;
  }

  /** Starts the thread, unless it runs or waits for its restart. */
  ensureStarted(): void {
    if (this.closed || this.thread !== undefined || this.cancelRestart !== undefined) return;
    const { options } = this;
    this.startedMs = options.clock.monotonicMs();
    try {
      this.thread = this.start();
    } catch (error) {
      // The system is out of memory or threads.
      this.onGone(messageOf(error));
      return;
    }
    if (options.isReady === undefined) this.crashText = '';
    options.onStarted?.();
  }

  /** The message is dropped while the thread does not run: onStarted sends all state to a new thread. */
  send(message: To): void {
    this.thread?.send(message);
  }

  /** Ends the thread for good. False: it did not end within `graceMs`; see ServiceThread.end. */
  async end(message: To, graceMs: number): Promise<boolean> {
    this.closed = true;
    this.cancelRestart?.();
    return (await this.thread?.end(message, graceMs)) ?? true;
  }

  /** Resolves when the thread has ended. There is no timeout. */
  async whenEnded(): Promise<void> {
    await this.thread?.whenEnded();
  }

  private start(): ServiceThread<To, From> {
    const { options } = this;
    return new ServiceThread<To, From>(
      { ...options, data: options.data() },
      {
        onMessage: (message) => {
          if (options.isReady?.(message) === true) this.crashText = '';
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
    const { clock, logger, label: what } = this.options;
    const delayMs = this.restarts.fail(clock.monotonicMs() - this.startedMs);
    this.crashText = `${what} ended (${error}); it is started again after ${delayMs / 1000} s`;
    logger.error(this.crashText);
    this.options.onCrashed();
    this.cancelRestart = clock.after(delayMs, () => {
      this.cancelRestart = undefined;
      this.ensureStarted();
    });
  }
}
