import type { Clock } from '../base/clock.js';
import { SupervisedThread } from '../base/supervised-thread.js';
import type { Logger } from '../base/log.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Condition, ProxyEvent } from '../events/event.js';
import type { RedisOptions } from '../redis/redis-link.js';
import { cameraRow } from './camera-row.js';
import type { PublisherWorkerData, FromPublisher, ToPublisher } from './messages.js';
import { PublishedCameras, type PublishOptions } from './published-cameras.js';
import type { Publisher, PublisherStatus } from './types.js';

export interface RedisPublisherOptions extends Omit<PublishOptions, 'cameras' | 'send'> {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent' | 'onStateChange'>;
  readonly redis: RedisOptions;
  /** Prefix of the keys that do not belong to a camera. */
  readonly prefix: string;
  /** Name of this proxy in its events: programs may read events of several proxies. */
  readonly proxyName: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>;
}

type Status = Extract<FromPublisher, { kind: 'status' }>;

const HEAP_MB = { old: 64, young: 8 };
const STOP_GRACE_MS = 1500;
/** Changes within this time are written together. */
const TABLE_DELAY_MS = 200;
/** Frame rates and sizes change without an event, and Redis may have lost the table. */
const TABLE_EVERY_MS = 10_000;

/** Publishes frames, states and events to Redis. A thread of its own talks to Redis, so no other code waits for Redis. Main thread. */
export class RedisPublisher implements Publisher {
  private readonly thread: SupervisedThread<ToPublisher, FromPublisher>;
  private readonly published: PublishedCameras;
  private readonly unsubscribes: (() => void)[] = [];
  private cancelTable: (() => void) | undefined;
  private tableDueMs = Infinity;
  private reported: Status | undefined;
  private connected = false;
  private message: string;
  private sinceMs: number;

  constructor(private readonly options: RedisPublisherOptions) {
    const { clock, logger, redis, prefix, publishFrames } = options;
    this.sinceMs = clock.nowMs();
    this.message = `Redis at ${redis.connection} is not connected yet.`;
    const data: PublisherWorkerData = { redis, prefix, publishesFrames: publishFrames !== 'off' };
    this.thread = new SupervisedThread<ToPublisher, FromPublisher>({
      url: new URL('./publisher-worker.js', import.meta.url),
      name: 'redis publisher',
      data: () => data,
      heapMb: HEAP_MB,
      label: 'The thread that publishes to Redis',
      clock,
      logger,
      onMessage: (message) => {
        this.onMessage(message);
      },
      onStarted: () => {
        this.published.sendAll();
        this.writeTableWithin(TABLE_DELAY_MS);
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
    this.unsubscribes.push(
      cameras.onStateChange(() => {
        this.writeTableWithin(TABLE_DELAY_MS);
      }),
      cameras.onEvent((event) => {
        if (event !== 'plainFrames') this.writeTableWithin(TABLE_DELAY_MS);
      }),
    );
    this.thread.ensureStarted();
    if (publishFrames !== 'off') this.published.start();
  }

  status(): PublisherStatus {
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

  /** The connection's state as a condition, from which events are made. */
  condition(): Condition {
    const isUsual = this.connected || this.reported === undefined;
    const state = isUsual ? 'connected' : 'away';
    return { type: 'redis', camera: '', state, reason: '', message: isUsual ? '' : this.message, isUsual };
  }

  /** Adds the event to the stream of events as soon as Redis is connected. */
  publishEvent({ id, atMs, type, camera, state, reason, message }: ProxyEvent): void {
    const fields = { id, at: String(atMs), type, camera, state, reason, message, proxy: this.options.proxyName };
    this.thread.send({ kind: 'event', fields });
  }

  async stop(): Promise<void> {
    for (const stop of this.unsubscribes) stop();
    this.cancelTable?.();
    this.published.close();
    await this.thread.end({ kind: 'stop' }, STOP_GRACE_MS);
  }

  private onMessage(message: FromPublisher): void {
    if (message.kind === 'requested') {
      this.published.onRequest(message.id, message.requested);
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
      if (connected) logger.info(`Redis at ${redis.connection} is connected.`);
    }
    // Logged once for each outage, and again when the reason changes.
    if (!connected && outage !== this.message) logger.warn(outage);
    this.connected = connected;
    this.message = outage;
  }

  private writeTableWithin(delayMs: number): void {
    const dueMs = this.options.clock.monotonicMs() + delayMs;
    if (dueMs >= this.tableDueMs) return;
    this.cancelTable?.();
    this.tableDueMs = dueMs;
    this.cancelTable = this.options.clock.after(delayMs, () => {
      this.tableDueMs = Infinity;
      const { cameras, publishFrames } = this.options;
      const rows = cameras.list().map((camera) => cameraRow(camera, publishFrames !== 'off'));
      this.thread.send({ kind: 'table', rows });
      this.writeTableWithin(TABLE_EVERY_MS);
    });
  }
}
