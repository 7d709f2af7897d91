import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../base/clock.js';
import { missingKeys, type EdgeKeys } from '../../cloud/signature.js';
import { RedisLink } from '../../redis/redis-link.js';
import type { AnnotationQueue } from '../../database/annotation-queue.js';
import type { Sender } from '../sender.js';
import type { SharedQueueStatus } from '../types.js';
import { RedisForwarder } from './redis-forwarder.js';
import { SenderLease } from './sender-lease.js';
import { SharedStream } from './shared-stream.js';
import { StreamSource } from './stream-source.js';

export interface SharedQueueOptions {
  /** As RedisOptions. */
  readonly connection: string;
  readonly database: number;
  readonly password: string;
  /** What its keys begin with. */
  readonly name: string;
}

export interface SharedQueueParts {
  readonly queue: AnnotationQueue;
  readonly clock: Clock;
  readonly keys: () => EdgeKeys;
  /** Asked only after start(). */
  readonly sender: () => Pick<Sender, 'wake' | 'suspend' | 'resume' | 'paused' | 'failing'>;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

/** For what is on its way between here and Redis when the proxy stops. */
const STOP_MS = 500;

/**
 * The queue in Redis that several proxies share. The disk stays the ground: an annotation is stored there first, and goes on
 * from there when Redis can be reached; while it cannot, annotations wait on the disk and nothing is sent. Annotation worker.
 */
export class SharedQueue {
  /** What the sender sends. */
  readonly source: StreamSource;
  private readonly link: RedisLink;
  private readonly mover: RedisForwarder;
  private readonly lease: SenderLease;
  private isStarted = false;
  private wasAway = false;

  constructor(
    options: SharedQueueOptions,
    private readonly parts: SharedQueueParts,
  ) {
    const { queue, clock } = parts;
    const { connection, database, password } = options;
    this.link = new RedisLink(
      { connection, database, password, name: 'chrysproxy-annotations' },
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
    const stream = new SharedStream(this.link, options.name, queue.origin(randomUUID));
    this.mover = new RedisForwarder({
      queue,
      stream,
      clock,
      onMoved: () => {
        this.source.look();
      },
    });
    this.source = new StreamSource({
      stream,
      clock,
      onArrived: () => {
        parts.sender().wake();
      },
      onSettled: () => {
        this.mover.wake();
      },
      onTrouble: () => {
        this.lease.doubt();
      },
    });
    this.lease = new SenderLease({
      stream,
      clock,
      canSend: () => missingKeys(parts.keys()) === undefined,
      failing: () => parts.sender().failing,
      begin: async (lease) => {
        await this.source.begin(lease);
        parts.sender().resume();
      },
      end: async (graceMs) => {
        await parts.sender().suspend(graceMs);
        this.source.end();
      },
    });
  }

  start(): void {
    this.isStarted = true;
    this.mover.start();
    this.lease.start();
  }

  /** Some wait on the disk. */
  wake(): void {
    this.mover.wake();
  }

  /** There are other keys. */
  reconsider(): void {
    this.lease.reconsider();
  }

  get status(): SharedQueueStatus {
    return {
      connected: this.link.outage === '',
      message: this.trouble,
      shared: this.parts.queue.totals.shared,
      sender: this.lease.place,
    };
  }

  /** Why nothing is sent; '' = it is, by whichever proxy. */
  get paused(): string {
    if (this.trouble !== '') return `Annotations wait on the disk of this machine. ${this.trouble}`;
    return this.lease.place === 'other' ? '' : this.parts.sender().paused;
  }

  /** What is on its way may still arrive for so long. */
  async stop(graceMs: number): Promise<void> {
    const all = this.isStarted ? Promise.all([this.lease.stop(), this.mover.stop()]) : Promise.resolve();
    await Promise.race([all, pause(graceMs + STOP_MS, undefined, { ref: false })]);
    this.link.close();
    await all;
  }

  private get trouble(): string {
    if (this.link.outage !== '') return this.link.outage;
    const { error } = this.mover;
    return error === '' ? '' : `Redis does not take them: ${error}`;
  }

  private onConnected(): void {
    this.mover.connect();
    this.lease.connect();
    if (this.wasAway) this.parts.log('info', 'annotations go to Redis again');
    this.wasAway = false;
  }

  /** Why, is told by whoever publishes there, and by `paused`. */
  private onOutage(): void {
    this.mover.disconnect();
    this.lease.disconnect();
    this.wasAway = true;
    this.parts.log('warn', 'annotations wait on the disk of this machine until Redis is back');
  }
}
