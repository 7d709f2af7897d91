import type { Clock } from '../base/clock.js';
import { SupervisedThread } from '../base/supervised-thread.js';
import type { Logger } from '../base/log.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Condition, ProxyEvent } from '../events/event.js';
import type { RedisOptions } from '../redis/redis-link.js';
import { cameraRow } from './camera-row.js';
import type { BusWorkerData, FromBus, ToBus } from './messages.js';
import { PublishedCameras, type PublishOptions } from './published-cameras.js';
import type { Bus, BusStatus } from './types.js';

export interface RedisBusOptions extends Omit<PublishOptions, 'cameras' | 'send'> {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent' | 'onStateChange'>;
  readonly redis: RedisOptions;
  /** Of our own keys. */
  readonly prefix: string;
  /** Of this proxy, in its events: programs may read those of several. */
  readonly proxyName: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>;
}

type Status = Extract<FromBus, { kind: 'status' }>;

const HEAP_MB = { old: 64, young: 8 };
const STOP_GRACE_MS = 1500;
/** Many changes in one moment are written once. */
const TABLE_DELAY_MS = 200;
/** Rates and sizes change without an event, and a Redis may have lost what it had. */
const TABLE_EVERY_MS = 10_000;

/** What other programs see of this proxy in Redis. A thread of its own does it; nothing waits for Redis. Main thread. */
export class RedisBus implements Bus {
  private readonly thread: SupervisedThread<ToBus, FromBus>;
  private readonly published: PublishedCameras;
  private readonly stops: (() => void)[] = [];
  private cancelTable: (() => void) | undefined;
  private tableDueMs = Infinity;
  private reported: Status | undefined;
  private connected = false;
  private message: string;
  private sinceMs: number;

  constructor(private readonly options: RedisBusOptions) {
    const { clock, logger, redis, prefix, publishFrames } = options;
    this.sinceMs = clock.nowMs();
    this.message = `Redis at ${redis.connection} is not connected yet.`;
    const data: BusWorkerData = { redis, prefix, publishes: publishFrames !== 'off' };
    this.thread = new SupervisedThread<ToBus, FromBus>({
      url: new URL('./bus-worker.js', import.meta.url),
      name: 'bus',
      data: () => data,
      heapMb: HEAP_MB,
      what: 'The thread that publishes to Redis',
      clock,
      logger,
      onMessage: (message) => {
        this.onMessage(message);
      },
      onStarted: () => {
        this.published.tellAll();
        this.tableWithin(TABLE_DELAY_MS);
      },
      onCrashed: () => {
        this.published.onCrashed();
        this.setOutage(this.thread.outage);
      },
    });
    this.published = new PublishedCameras({
      ...options,
      send: (message) => {
        this.thread.send(message);
      },
    });
  }

  start(): void {
    const { cameras, publishFrames } = this.options;
    this.stops.push(
      cameras.onStateChange(() => {
        this.tableWithin(TABLE_DELAY_MS);
      }),
      cameras.onEvent((event) => {
        if (event !== 'plainFrames') this.tableWithin(TABLE_DELAY_MS);
      }),
    );
    this.thread.need();
    if (publishFrames !== 'off') this.published.start();
  }

  status(): BusStatus {
    const { redis, publishFrames } = this.options;
    return {
      connected: this.connected,
      connection: redis.connection,
      database: redis.database,
      sinceMs: this.sinceMs,
      message: this.message,
      publishFrames,
      cameras: this.published.status(),
      events: this.reported?.events ?? { stored: 0, waiting: 0, lost: 0 },
    };
  }

  /** For whoever turns conditions into events. */
  condition(): Condition {
    const isUsual = this.connected || this.reported === undefined;
    const state = isUsual ? 'connected' : 'away';
    return { type: 'redis', camera: '', state, reason: '', message: isUsual ? '' : this.message, isUsual };
  }

  /** Writes it into the stream of events, as soon as Redis is there. */
  tell({ id, atMs, type, camera, state, reason, message }: ProxyEvent): void {
    const fields = { id, at: String(atMs), type, camera, state, reason, message, proxy: this.options.proxyName };
    this.thread.send({ kind: 'event', fields });
  }

  async stop(): Promise<void> {
    for (const stop of this.stops) stop();
    this.cancelTable?.();
    this.published.close();
    await this.thread.end({ kind: 'stop' }, STOP_GRACE_MS);
  }

  private onMessage(message: FromBus): void {
    if (message.kind === 'asked') {
      this.published.onAsked(message.id, message.asked);
      return;
    }
    this.reported = message;
    this.published.onProgress(message.cameras);
    this.setOutage(message.outage);
    if (this.connected) this.message = message.refusal;
    this.published.setConnected(this.connected);
  }

  private setOutage(outage: string): void {
    const { logger, clock, redis } = this.options;
    const connected = outage === '';
    if (connected !== this.connected) {
      this.sinceMs = clock.nowMs();
      if (connected) logger.info(`Redis at ${redis.connection} is connected`);
    }
    // Once for each outage, and again when there is another reason.
    if (!connected && outage !== this.message) logger.warn(outage);
    this.connected = connected;
    this.message = outage;
  }

  private tableWithin(delayMs: number): void {
    const dueMs = this.options.clock.monotonicMs() + delayMs;
    if (dueMs >= this.tableDueMs) return;
    this.cancelTable?.();
    this.tableDueMs = dueMs;
    this.cancelTable = this.options.clock.after(delayMs, () => {
      this.tableDueMs = Infinity;
      const { cameras, publishFrames } = this.options;
      const rows = cameras.list().map((camera) => cameraRow(camera, publishFrames !== 'off'));
      this.thread.send({ kind: 'table', rows });
      this.tableWithin(TABLE_EVERY_MS);
    });
  }
}
