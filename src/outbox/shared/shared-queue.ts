import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/within.js';
import { missingKeys, type EdgeKeys } from '../../cloud/signature.js';
import { RedisLink } from '../../redis/redis-link.js';
import { capitalized } from '../outbox-names.js';
import type { QueueDatabase } from '../queue-database.js';
import type { Sender } from '../sender.js';
import type { SharedQueueOptions, SharedQueueStatus } from '../types.js';
import { RedisForwarder } from './redis-forwarder.js';
import { SenderLease } from './sender-lease.js';
import { SharedStream } from './shared-stream.js';
import { StreamSource } from './stream-source.js';

export interface SharedQueueParts {
  /** The word for the items in messages. */
  readonly items: string;
  readonly queue: QueueDatabase;
  readonly clock: Clock;
  readonly keys: () => EdgeKeys;
  /** Called only after start(). */
  readonly sender: () => Pick<Sender, 'wake' | 'suspend' | 'resume' | 'paused' | 'failing'>;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

/** How long stop() waits for Redis, in addition to the grace for the sender. */
const STOP_MS = 500;

/**
 * The queue in Redis that several proxies share. The local database is authoritative; Redis is only transport: an item is
 * stored locally first and then moved to Redis. While Redis is away, items wait locally and nothing is sent. Runs in the
 * thread of the outbox.
 */
export class SharedQueue {
  /** The source of the sender's items. */
  readonly source: StreamSource;
  private readonly link: RedisLink;
  private readonly forwarder: RedisForwarder;
  private readonly lease: SenderLease;
  private isStarted = false;
  private wasAway = false;

  constructor(
    { connection, database, password, clientName, key }: SharedQueueOptions,
    private readonly parts: SharedQueueParts,
  ) {
    const { queue, clock } = parts;
    this.link = new RedisLink(
      { connection, database, password, name: clientName },
      {
        onConnected: () => {
          this.onConnected();
        },
        onOutage: () => {
          this.onOutage();
        },
      },
      clock,
    );
    const stream = new SharedStream(this.link, key, queue.origin(randomUUID));
    this.forwarder = new RedisForwarder({
      queue,
      stream,
      clock,
      onMoved: () => {
        this.source.readNow();
      },
    });
    this.source = new StreamSource({
      stream,
      clock,
      onArrived: () => {
        parts.sender().wake();
      },
      onSettled: () => {
        this.forwarder.wake();
      },
      onError: () => {
        this.lease.replace();
      },
    });
    this.lease = this.newLease(stream);
  }

  start(): void {
    this.isStarted = true;
    this.forwarder.start();
    this.lease.start();
  }

  /** Call this when items were stored in the local database. */
  wake(): void {
    this.forwarder.wake();
  }

  /** Call this when the keys have changed. */
  reconsider(): void {
    this.lease.reconsider();
  }

  get status(): SharedQueueStatus {
    return {
      connected: this.link.outage === '',
      message: this.outage,
      shared: this.parts.queue.totals.shared,
      sender: this.lease.holder,
    };
  }

  /** Why no proxy sends; '' = a proxy sends. */
  get paused(): string {
    if (this.outage !== '') {
      return `${capitalized(this.parts.items)} wait on the disk of this machine. ${this.outage}`;
    }
    return this.lease.holder === 'other' ? '' : this.parts.sender().paused;
  }

  /** Waits up to `graceMs` for running batches, and closes the connection. */
  async stop(graceMs: number): Promise<void> {
    const all = this.isStarted ? Promise.all([this.lease.stop(), this.forwarder.stop()]) : Promise.resolve();
    await within<unknown, undefined>(all, graceMs + STOP_MS, this.parts.clock, () => undefined);
    this.link.close();
    await all;
  }

  private newLease(stream: SharedStream): SenderLease {
    const { clock, keys, sender } = this.parts;
    return new SenderLease({
      stream,
      clock,
      canSend: () => missingKeys(keys()) === undefined,
      failing: () => sender().failing,
      begin: async (lease) => {
        await this.source.begin(lease);
        sender().resume();
      },
      end: async (graceMs) => {
        await sender().suspend(graceMs);
        this.source.end();
      },
    });
  }

  private get outage(): string {
    if (this.link.outage !== '') return this.link.outage;
    const { error } = this.forwarder;
    return error === '' ? '' : `Redis does not accept them: ${error}`;
  }

  private onConnected(): void {
    this.forwarder.connect();
    this.lease.connect();
    if (this.wasAway) this.parts.log('info', `${capitalized(this.parts.items)} are moved to Redis again.`);
    this.wasAway = false;
  }

  /** The Redis publisher logs the reason, and `paused` reports it. */
  private onOutage(): void {
    this.forwarder.disconnect();
    this.lease.disconnect();
    this.wasAway = true;
    const { items, log } = this.parts;
    log('warn', `${capitalized(items)} wait on the disk of this machine until Redis is back.`);
  }
}
