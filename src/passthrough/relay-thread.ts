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

/** Its own JavaScript needs a few megabytes; libav's memory does not count. */
const HEAP_MB = { old: 32, young: 2 };
/** A server that is frozen gets its goodbye for 300 ms, and libav looks at `cancel` every 100 ms. */
const STOP_GRACE_MS = 800;

/** The relay thread of one camera, from main's side. Its messages are masked here. */
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
      what: `The thread that pushes camera "${camera}" to its RTMP server`,
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
    this.thread.need();
  }

  /** Why it does not run, '' = it does. */
  get outage(): string {
    return this.thread.outage;
  }

  /** Whether it still serves that source. */
  serves({ url, packetRing, audioRing }: RelayThreadOptions['source']): boolean {
    const { source } = this.options;
    return source.url === url && source.packetRing === packetRing && source.audioRing === audioRing;
  }

  usePeriods(): void {
    this.thread.send({ kind: 'periods', periods: this.options.periods() });
  }

  /** False: it did not end in time, and ends when what it hangs in returns. */
  async end(): Promise<boolean> {
    this.ending ??= this.endOnce();
    return await this.ending;
  }

  /** Resolves when it is gone, however long that takes. */
  async wasGone(): Promise<void> {
    await this.thread.wasGone();
  }

  /** Ends what it waits for, without waiting for its end. */
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
