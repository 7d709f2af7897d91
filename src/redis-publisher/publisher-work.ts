import type { Clock } from '../base/clock.js';
import { within } from '../base/within.js';
import type { NativeAddon } from '../native/types.js';
import { redisMessageOf } from '../redis/redis-errors.js';
import type { RedisClient, RedisLink, RedisListener, RedisOptions } from '../redis/redis-link.js';
import { CameraPublisher, type PublisherEnvironment } from './camera-publisher.js';
import { writeTable } from './camera-table.js';
import { EventQueue } from './event-queue.js';
import { camerasKey, eventsKey, framesKey } from './keys.js';
import type { CameraRow, FromPublisher, PublisherWorkerData, ToPublisher } from './messages.js';
import { RequestWatch } from './request-watch.js';

export interface PublisherWorkEnvironment {
  readonly data: PublisherWorkerData;
  readonly clock: Clock;
  readonly copyFromSlot: NativeAddon['copyFromSlot'];
  connect(options: RedisOptions, listener: RedisListener): RedisLink;
  post(message: FromPublisher): void;
}

/** Number of frames in a stream, as in the original. Redis deletes older ones. */
const MAX_FRAMES = 10;
/** Redis deletes a stream without new frames after this time, to free its memory. */
const FRAMES_EXPIRE_MS = 60_000;
/** Timeout of an answer on the link for frames: on a slow network, the frames of many cameras take long to arrive. */
const FRAMES_ANSWER_WITHIN_MS = 30_000;
/** How long stopping waits for the last events. */
const LAST_EVENTS_TIMEOUT_MS = 500;

/** The work of the publisher thread. */
export class PublisherWork {
  /** For requests, states and events. */
  private readonly link: RedisLink;
  /** For frames only, so that requests do not queue behind megabytes. Undefined: no frames are published. */
  private readonly frameLink: RedisLink | undefined;
  private readonly publishers = new Map<number, CameraPublisher>();
  private readonly requests: RequestWatch;
  private readonly events: EventQueue;
  private rows: readonly CameraRow[] = [];
  private isWritingTable = false;
  private isTableOutdated = false;
  private refusal = '';
  private lastStatus = '';
  private readonly publishing: PublisherEnvironment;

  constructor(private readonly env: PublisherWorkEnvironment) {
    const { redis, prefix, publishesFrames: publishes } = env.data;
    const listener: RedisListener = {
      onConnected: () => {
        // Redis may have lost all data.
        this.isTableOutdated = true;
        this.report();
        void this.writeEventsAndTable();
      },
      onOutage: () => {
        this.report();
      },
    };
    this.link = env.connect({ ...redis, name: 'chrysproxy' }, listener);
    const forFrames = { ...redis, name: 'chrysproxy-frames', answerWithinMs: FRAMES_ANSWER_WITHIN_MS };
    this.frameLink = publishes ? env.connect(forFrames, listener) : undefined;
    this.publishing = {
      copyFromSlot: env.copyFromSlot,
      clock: env.clock,
      isAway: () => this.outage !== '',
      store: (camera, message) => this.store(camera, message),
    };
    this.events = new EventQueue(eventsKey(prefix));
    this.requests = new RequestWatch(env.clock, (id, requested) => {
      env.post({ kind: 'requested', id, requested });
    });
  }

  take(message: Exclude<ToPublisher, { kind: 'stop' }>): void {
    switch (message.kind) {
      case 'camera':
        this.publishers.set(message.id, new CameraPublisher(message, this.publishing));
        this.requests.add(message.id, message.camera);
        break;
      case 'ring':
        this.publishers.get(message.id)?.setRing(message.ring);
        break;
      case 'publish':
        this.publishers.get(message.id)?.publish(message.frameFilter);
        break;
      case 'forget':
        this.publishers.get(message.id)?.publish(0);
        this.publishers.delete(message.id);
        this.requests.remove(message.id);
        break;
      case 'table':
        this.rows = message.rows;
        this.isTableOutdated = true;
        void this.writeEventsAndTable();
        break;
      case 'event':
        this.events.add(message.fields);
        void this.writeEventsAndTable();
        break;
    }
  }

  /** Reads requests, and writes events and states that are due. The caller calls this about twice a second. */
  async tick(): Promise<void> {
    this.requests.expire();
    if (this.outage === '') await this.requests.poll(this.link.client);
    await this.writeEventsAndTable();
    this.report();
  }

  async stop(): Promise<void> {
    for (const publisher of this.publishers.values()) publisher.publish(0);
    if (this.link.outage === '')
      await within(this.writeEventsAndTable(), LAST_EVENTS_TIMEOUT_MS, this.env.clock, () => undefined);
    this.link.close();
    this.frameLink?.close();
  }

  private get outage(): string {
    return this.link.outage === '' ? (this.frameLink?.outage ?? '') : this.link.outage;
  }

  /**
   * Stores a frame. The expiry is set only after Redis has accepted the frame, so that another program's key of the same
   * name, which is not a stream, gets no expiry.
   */
  private async store(camera: string, message: Buffer): Promise<void> {
    const client = this.frameLink?.client ?? this.link.client;
    const key = framesKey(camera);
    await client.xAdd(
      key,
      '*',
      { data: message },
      { TRIM: { strategy: 'MAXLEN', strategyModifier: '=', threshold: MAX_FRAMES } },
    );
    client.pExpire(key, FRAMES_EXPIRE_MS).catch(() => undefined);
  }

  /** Writes the events and states that Redis does not have yet. */
  private async writeEventsAndTable(): Promise<void> {
    if (this.link.outage !== '') return;
    const { client } = this.link;
    try {
      await this.events.flush(client);
      await this.writeTable(client);
      this.refusal = '';
    } catch (error) {
      // The next tick tries again.
      this.refusal = `Redis does not accept states and events: ${redisMessageOf(error)}`;
    }
  }

  private async writeTable(client: RedisClient): Promise<void> {
    if (this.isWritingTable || !this.isTableOutdated) return;
    this.isWritingTable = true;
    this.isTableOutdated = false;
    try {
      await writeTable(client, camerasKey(this.env.data.prefix), this.rows);
    } catch (error) {
      this.isTableOutdated = true;
      throw error;
    } finally {
      this.isWritingTable = false;
    }
  }

  private report(): void {
    const cameras = [...this.publishers.values()].map(({ progress }) => progress);
    const { outage, refusal } = this;
    const status: FromPublisher = { kind: 'status', outage, refusal, cameras, events: this.events.counts };
    const text = JSON.stringify(status);
    if (text === this.lastStatus) return;
    this.lastStatus = text;
    this.env.post(status);
  }
}
