import type { Clock } from '../base/clock.js';
import { within } from '../base/within.js';
import type { NativeAddon } from '../native/types.js';
import { redisMessageOf } from '../redis/redis-errors.js';
import type { RedisClient, RedisLink, RedisListener, RedisOptions } from '../redis/redis-link.js';
import { CameraPublisher, type PublisherEnvironment } from './camera-publisher.js';
import { writeTable } from './camera-table.js';
import { DemandWatch } from './demand-watch.js';
import { EventOutbox } from './event-outbox.js';
import { camerasKey, eventsKey, framesKey } from './keys.js';
import type { BusWorkerData, CameraRow, FromBus, ToBus } from './messages.js';

export interface BusWorkerEnvironment {
  readonly data: BusWorkerData;
  readonly clock: Clock;
  readonly copyFromSlot: NativeAddon['copyFromSlot'];
  connect(options: RedisOptions, listener: RedisListener): RedisLink;
  post(message: FromBus): void;
}

/** As many as the original keeps, and programs that read it count on no more. */
const MAX_FRAMES = 10;
/** Old frames help nobody, and take much memory. */
const FRAMES_KEPT_MS = 60_000;
/** On a slow network, frames of many cameras are long on their way. */
const FRAMES_ANSWER_WITHIN_MS = 30_000;
/** Events that wait are worth so much of the time that the proxy takes to stop. */
const LAST_EVENTS_MS = 500;

/** What the bus worker does, without its thread. */
export class BusWorker {
  private readonly facts: RedisLink;
  /** A connection of its own: what is asked of Redis must not queue behind megabytes. */
  private readonly frames: RedisLink | undefined;
  private readonly publishers = new Map<number, CameraPublisher>();
  private readonly demand: DemandWatch;
  private readonly events: EventOutbox;
  private rows: readonly CameraRow[] = [];
  private writingTable = false;
  private tableIsOld = false;
  private refusal = '';
  private lastStatus = '';
  private readonly publishing: PublisherEnvironment;

  constructor(private readonly env: BusWorkerEnvironment) {
    const { redis, prefix, publishes } = env.data;
    const listener: RedisListener = {
      onConnected: () => {
        // It may have lost all that it had.
        this.tableIsOld = true;
        this.report();
        void this.writeFacts();
      },
      onOutage: () => {
        this.report();
      },
    };
    this.facts = env.connect({ ...redis, name: 'chrysproxy' }, listener);
    const forFrames = { ...redis, name: 'chrysproxy-frames', answerWithinMs: FRAMES_ANSWER_WITHIN_MS };
    this.frames = publishes ? env.connect(forFrames, listener) : undefined;
    this.publishing = {
      copyFromSlot: env.copyFromSlot,
      clock: env.clock,
      isAway: () => this.outage !== '',
      store: (camera, message) => this.store(camera, message),
    };
    this.events = new EventOutbox(eventsKey(prefix));
    this.demand = new DemandWatch(env.clock, (id, asked) => {
      env.post({ kind: 'asked', id, asked });
    });
  }

  take(message: Exclude<ToBus, { kind: 'stop' }>): void {
    switch (message.kind) {
      case 'camera':
        this.publishers.set(message.id, new CameraPublisher(message, this.publishing));
        this.demand.add(message.id, message.camera);
        break;
      case 'ring':
        this.publishers.get(message.id)?.setRing(message.ring);
        break;
      case 'publish':
        this.publishers.get(message.id)?.publish(message.frameClass);
        break;
      case 'forget':
        this.publishers.get(message.id)?.publish(0);
        this.publishers.delete(message.id);
        this.demand.remove(message.id);
        break;
      case 'table':
        this.rows = message.rows;
        this.tableIsOld = true;
        void this.writeFacts();
        break;
      case 'event':
        this.events.add(message.fields);
        void this.writeFacts();
        break;
    }
  }

  /** To be called about twice a second. */
  async tick(): Promise<void> {
    this.demand.expire();
    if (this.outage === '') await this.demand.look(this.facts.client);
    await this.writeFacts();
    this.report();
  }

  async stop(): Promise<void> {
    for (const publisher of this.publishers.values()) publisher.publish(0);
    if (this.facts.outage === '') await within(this.writeFacts(), LAST_EVENTS_MS, this.env.clock, () => undefined);
    this.facts.close();
    this.frames?.close();
  }

  private get outage(): string {
    return this.facts.outage === '' ? (this.frames?.outage ?? '') : this.facts.outage;
  }

  /** Not at once with the frame: nothing of ours expires a key of others that happens to have that name. */
  private async store(camera: string, message: Buffer): Promise<void> {
    const client = this.frames?.client ?? this.facts.client;
    const key = framesKey(camera);
    await client.xAdd(
      key,
      '*',
      { data: message },
      { TRIM: { strategy: 'MAXLEN', strategyModifier: '=', threshold: MAX_FRAMES } },
    );
    client.pExpire(key, FRAMES_KEPT_MS).catch(() => undefined);
  }

  /** What of the events and states Redis does not have yet. */
  private async writeFacts(): Promise<void> {
    if (this.facts.outage !== '') return;
    const { client } = this.facts;
    try {
      await this.events.flush(client);
      await this.writeTable(client);
      this.refusal = '';
    } catch (error) {
      // Tried again with the next tick.
      this.refusal = `Redis does not take states and events: ${redisMessageOf(error)}`;
    }
  }

  private async writeTable(client: RedisClient): Promise<void> {
    if (this.writingTable || !this.tableIsOld) return;
    this.writingTable = true;
    this.tableIsOld = false;
    try {
      await writeTable(client, camerasKey(this.env.data.prefix), this.rows);
    } catch (error) {
      this.tableIsOld = true;
      throw error;
    } finally {
      this.writingTable = false;
    }
  }

  private report(): void {
    const cameras = [...this.publishers.values()].map(({ progress }) => progress);
    const { outage, refusal } = this;
    const status: FromBus = { kind: 'status', outage, refusal, cameras, events: this.events.counts };
    const text = JSON.stringify(status);
    if (text === this.lastStatus) return;
    this.lastStatus = text;
    this.env.post(status);
  }
}
