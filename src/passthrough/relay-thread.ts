import type { Clock } from '../base/clock.js';
import { SupervisedThread } from '../base/supervised-thread.js';
import type { Logger } from '../base/log.js';
import { redact, redactSecrets, secretsOf } from '../base/redact.js';
import type { RelayedPeriod, RelayProgress, RelayWorkerData, ToRelay } from './messages.js';
import type { PassthroughCounters } from './types.js';

export interface RelayThreadOptions {
  readonly camera: string;
  readonly source: Omit<RelayWorkerData, 'cancel' | 'periods' | 'counters'>;
  readonly periods: () => readonly RelayedPeriod[];
  readonly counters: PassthroughCounters;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workerUrl: URL;
  onProgress(progress: RelayProgress): void;
}

/** Enough for the JavaScript of the thread. The memory of libav does not count. */
const HEAP_MB = { old: 32, young: 2 };
/** Closing waits up to 300 ms for a frozen server, and libav checks `cancel` every 100 ms. */
const STOP_GRACE_MS = 800;

/** Controls the relay thread of one camera and masks its messages. Main thread. */
export class RelayThread {
  private readonly thread: SupervisedThread<ToRelay, RelayProgress>;
  private readonly cancel = new Int32Array(new SharedArrayBuffer(4));
  private readonly secrets: readonly string[];
  private counters: PassthroughCounters;
  private ending: Promise<boolean> | undefined;

  constructor(private readonly options: RelayThreadOptions) {
    const { source, camera, clock, logger, workerUrl } = options;
    this.secrets = secretsOf(source.url);
    this.counters = options.counters;
    this.thread = new SupervisedThread<ToRelay, RelayProgress>({
      url: workerUrl,
      name: `relay ${camera}`,
      label: `The thread that pushes camera "${camera}" to its RTMP server`,
      data: (): RelayWorkerData => ({
        ...source,
        cancel: this.cancel.buffer,
        periods: options.periods(),
        counters: this.counters,
      }),
      heapMb: HEAP_MB,
      clock,
      logger,
      onMessage: (progress) => {
        this.onProgress(progress);
      },
      onCrashed: () => undefined,
    });
    this.thread.ensureStarted();
  }

  /** Why the thread does not run; '' = it runs. */
  get outage(): string {
    return this.thread.outage;
  }

  /** Whether the thread was started for this source. */
  serves({ url, packetRing, audioRing }: RelayThreadOptions['source']): boolean {
    const { source } = this.options;
    return source.url === url && source.packetRing === packetRing && source.audioRing === audioRing;
  }

  usePeriods(): void {
    this.thread.send({ kind: 'periods', periods: this.options.periods() });
  }

  /** False: the thread did not end in time. It ends when the call that blocks it returns. */
  async end(): Promise<boolean> {
    this.ending ??= this.endOnce();
    return await this.ending;
  }

  /** Resolves when the thread has ended. There is no timeout. */
  async whenEnded(): Promise<void> {
    await this.thread.whenEnded();
  }

  /** Ends all waits of the thread. Does not wait for its end. */
  raiseCancel(): void {
    Atomics.store(this.cancel, 0, 1);
    Atomics.notify(this.cancel, 0);
  }

  private async endOnce(): Promise<boolean> {
    this.raiseCancel();
    return await this.thread.end({ kind: 'stop' }, STOP_GRACE_MS);
  }

  private onProgress(progress: RelayProgress): void {
    this.counters = progress.counters;
    if (this.ending !== undefined) return;
    const { message, lastError } = progress;
    this.options.onProgress({ ...progress, message: this.masked(message), lastError: this.masked(lastError) });
  }

  private masked(text: string): string {
    return redactSecrets(redact(text), this.secrets);
  }
}
