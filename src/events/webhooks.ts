import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { redactUrl } from '../base/redact.js';
import { TimeOrderedIds } from '../base/time-ordered-ids.js';
import { within } from '../base/within.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { NewItem } from '../outbox/item.js';
import type { Outbox } from '../outbox/outbox.js';
import type { OutboxStatus } from '../outbox/types.js';
import { EventThrottle } from './event-throttle.js';
import type { EventType, ProxyEvent } from './event.js';

export interface WebhooksStatus {
  /** Masked. */
  readonly url: string;
  readonly events: readonly EventType[];
  readonly queue: OutboxStatus;
  /** Events that could not be stored, since the start. */
  readonly dropped: number;
}

/** Sends events to a URL of the operator. Every promise rejects with a ChrysError. */
export interface Webhooks {
  status(): Promise<WebhooksStatus>;
  /** Queues a test event, and resolves with its id when it is stored. */
  test(): Promise<string>;
  checkEndpoint(): Promise<EndpointCheck>;
  useKeys(keys: EdgeKeys): void;
}

export interface QueuedWebhooksOptions {
  readonly queue: Pick<Outbox, 'store' | 'status' | 'checkEndpoint' | 'useKeys' | 'stop'>;
  readonly url: string;
  readonly events: readonly EventType[];
  readonly clock: Clock;
  /** Gives `storedMs`. Default: the system clock. */
  readonly storeClock?: Pick<Clock, 'nowMs'>;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
}

/** Maximum number of events in memory while the database does not accept them; further events are dropped. */
const MAX_WAITING = 1000;
const STORE_RETRY_MS = 1000;
const STOP_TIMEOUT_MS = 2000;
const CALL = { isGone: () => false };

/** Puts events into an outbox, which sends them. Main thread. */
export class QueuedWebhooks implements Webhooks {
  private readonly ids: TimeOrderedIds;
  private readonly throttle: EventThrottle;
  private readonly waiting: ProxyEvent[] = [];
  private storing: Promise<void> | undefined;
  private dropped = 0;
  private isDropping = false;
  private closed = false;

  constructor(private readonly options: QueuedWebhooksOptions) {
    this.ids = new TimeOrderedIds(() => options.clock.nowMs());
    this.throttle = new EventThrottle(options.clock, (event) => {
      this.enqueue(event);
    });
  }

  /** Queues an event. Ignores types that are not configured. */
  onEvent(event: ProxyEvent): void {
    if (!this.closed && this.options.events.includes(event.type)) this.throttle.add(event);
  }

  async status(): Promise<WebhooksStatus> {
    const { queue, url, events } = this.options;
    return { url: redactUrl(url), events, queue: await queue.status(), dropped: this.dropped };
  }

  async test(): Promise<string> {
    const event: ProxyEvent = {
      id: this.ids.next(),
      atMs: this.options.clock.nowMs(),
      type: 'webhooks',
      camera: '',
      state: 'test',
      reason: '',
      message: 'This is a test event. It was requested to check that webhooks arrive.',
    };
    await this.store(event);
    return event.id;
  }

  checkEndpoint(): Promise<EndpointCheck> {
    return this.options.queue.checkEndpoint();
  }

  useKeys(keys: EdgeKeys): void {
    this.options.queue.useKeys(keys);
  }

  /** Waits up to STOP_TIMEOUT_MS until all events are stored. */
  async stop(): Promise<void> {
    this.throttle.flush();
    this.closed = true;
    const stored = this.storing ?? Promise.resolve();
    await within(stored, STOP_TIMEOUT_MS, this.options.clock, () => undefined);
    await this.options.queue.stop();
  }

  private enqueue(event: ProxyEvent): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.drop(`${MAX_WAITING} events wait for the disk`);
      return;
    }
    this.waiting.push(event);
    this.storing ??= this.storeAll();
  }

  /** Stores one event after the other, so that they stay in order. */
  private async storeAll(): Promise<void> {
    for (let event = this.waiting[0]; event !== undefined; event = this.waiting[0]) {
      try {
        await this.store(event);
        this.onStored();
      } catch (error) {
        if (isTemporary(error) && !this.closed) {
          await new Promise<void>((resolve) => void this.options.clock.after(STORE_RETRY_MS, resolve));
          continue;
        }
        this.drop(messageOf(error));
      }
      this.waiting.shift();
    }
    // No await since `waiting` was found empty, so that no event is left behind.
    this.storing = undefined;
  }

  private async store({ id, atMs, type, camera, state, reason, message }: ProxyEvent): Promise<void> {
    const { queue, storeClock = systemClock } = this.options;
    const sent = { id, device_name: camera, type, start_timestamp: atMs, state, reason, message };
    const item: NewItem = {
      ...{ id, camera, type },
      startMs: atMs,
      storedMs: storeClock.nowMs(),
      json: JSON.stringify(sent),
    };
    await queue.store(item, CALL);
  }

  private drop(why: string): void {
    this.dropped += 1;
    if (!this.isDropping) {
      this.options.logger.warn(`An event for the webhook is lost, and others may follow: ${why}`);
    }
    this.isDropping = true;
  }

  private onStored(): void {
    if (!this.isDropping) return;
    this.isDropping = false;
    this.options.logger.info(`Events for the webhook are stored again; ${this.dropped} were lost since the start.`);
  }
}

/** The thread of the outbox is being restarted, or its disk is slow. */
function isTemporary(error: unknown): boolean {
  return error instanceof ChrysError && error.kind === 'unavailable';
}
