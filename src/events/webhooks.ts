import { AnnotationIds } from '../annotations/annotation-id.js';
import type { StoredAnnotations } from '../annotations/stored-annotations.js';
import type { AnnotationsStatus } from '../annotations/types.js';
import type { Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { redactUrl } from '../base/redact.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { NewAnnotation } from '../database/annotation.js';
import type { EventType, ProxyEvent } from './event.js';
import { EventLanes } from './event-lanes.js';

export interface WebhooksStatus {
  /** Masked. */
  readonly url: string;
  readonly events: readonly EventType[];
  /** How delivery fares. */
  readonly queue: AnnotationsStatus;
  /** Events that could not be kept, since the start. */
  readonly dropped: number;
}

/** Events on their way to a URL of the operator. Every promise rejects with a ChrysError. */
export interface Webhooks {
  status(): Promise<WebhooksStatus>;
  /** Queues an event that says that it is a test; resolves with its id when it is stored. */
  test(): Promise<string>;
  checkEndpoint(): Promise<EndpointCheck>;
  useKeys(keys: EdgeKeys): void;
}

export interface QueuedWebhooksOptions {
  readonly queue: Pick<StoredAnnotations, 'store' | 'status' | 'checkEndpoint' | 'useKeys' | 'stop'>;
  readonly url: string;
  readonly events: readonly EventType[];
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
}

/** That wait in memory while the database does not take them. */
const MAX_WAITING = 1000;
const STORE_AGAIN_MS = 1000;
const STOP_BOUND_MS = 2000;
const CALL = { isGone: () => false };

/** Puts events into a queue on the disk, from which they are sent until they are taken. Main thread. */
export class QueuedWebhooks implements Webhooks {
  private readonly ids: AnnotationIds;
  private readonly lanes: EventLanes;
  private readonly waiting: ProxyEvent[] = [];
  private storing: Promise<void> | undefined;
  private dropped = 0;
  private isDropping = false;
  private closed = false;

  constructor(private readonly options: QueuedWebhooksOptions) {
    this.ids = new AnnotationIds(() => options.clock.nowMs());
    this.lanes = new EventLanes(options.clock, (event) => {
      this.keep(event);
    });
  }

  /** Events of types that are not wanted are passed over. */
  tell(event: ProxyEvent): void {
    if (!this.closed && this.options.events.includes(event.type)) this.lanes.take(event);
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
      message: 'Somebody has asked for this event, to see whether webhooks arrive.',
    };
    await this.options.queue.store(queued(event), CALL);
    return event.id;
  }

  checkEndpoint(): Promise<EndpointCheck> {
    return this.options.queue.checkEndpoint();
  }

  useKeys(keys: EdgeKeys): void {
    this.options.queue.useKeys(keys);
  }

  /** What has happened by now is stored first, if the disk takes it in time. */
  async stop(): Promise<void> {
    this.lanes.flush();
    this.closed = true;
    await Promise.race([
      this.storing,
      new Promise<void>((resolve) => {
        this.options.clock.after(STOP_BOUND_MS, resolve);
      }),
    ]);
    await this.options.queue.stop();
  }

  private keep(event: ProxyEvent): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.drop(`${MAX_WAITING} wait for the disk`);
      return;
    }
    this.waiting.push(event);
    this.storing ??= this.storeAll();
  }

  /** One after the other, so that they stay in order. */
  private async storeAll(): Promise<void> {
    for (let event = this.waiting[0]; event !== undefined; event = this.waiting[0]) {
      try {
        await this.options.queue.store(queued(event), CALL);
        this.kept();
      } catch (error) {
        if (isForAMoment(error) && !this.closed) {
          await new Promise<void>((resolve) => {
            this.options.clock.after(STORE_AGAIN_MS, resolve);
          });
          continue;
        }
        this.drop(messageOf(error));
      }
      this.waiting.shift();
    }
    // In the same turn in which nothing waited: what comes next begins anew.
    this.storing = undefined;
  }

  private drop(why: string): void {
    this.dropped += 1;
    if (!this.isDropping) this.options.logger.warn(`an event for the webhook is lost, and others may follow: ${why}`);
    this.isDropping = true;
  }

  private kept(): void {
    if (!this.isDropping) return;
    this.isDropping = false;
    this.options.logger.info(`events for the webhook are kept again; ${this.dropped} were lost since the start`);
  }
}

/** The thread of the queue is started again, or its disk is slow. */
function isForAMoment(error: unknown): boolean {
  return error instanceof ChrysError && error.kind === 'unavailable';
}

function queued({ id, atMs, type, camera, state, reason, message }: ProxyEvent): NewAnnotation {
  const sent = { id, device_name: camera, type, start_timestamp: atMs, state, reason, message };
  return { id, camera, type, startMs: atMs, storedMs: Date.now(), json: JSON.stringify(sent) };
}
