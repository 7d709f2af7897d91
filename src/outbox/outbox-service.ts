import type { Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import { answerQuestion, errorMessageOf, type QuestionHandlers, type QuestionMap } from '../base/worker-questions.js';
import type { Endpoint } from '../cloud/endpoint.js';
import { checkEndpoint } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import { batchTrial } from './batch-trial.js';
import type { Extend, OutboxExtension } from './extension.js';
import { handleRefused } from './handle-refused.js';
import type { NewItem } from './item.js';
import type { FromOutboxWorker, OutboxData, OutboxQuestions, ToOutboxWorker } from './messages.js';
import type { QueueDatabase } from './queue-database.js';
import { Sender } from './sender.js';
import { SharedQueue } from './shared/shared-queue.js';
import type { OutboxStatus } from './types.js';

export interface ServiceParts<Item extends NewItem, Questions extends QuestionMap<Questions>> {
  readonly data: OutboxData;
  readonly queue: QueueDatabase;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly post: (message: FromOutboxWorker<Questions>) => void;
  readonly extend?: Extend<Item, Questions> | undefined;
}

/** Maximum number of delivered items that are kept, whatever their age. */
const MAX_KEPT = 1_000_000;
/** Maximum number of items that one transaction deletes. Calls that store items wait for it. */
const CLEAN_LIMIT = 500;
const CLEAN_AGAIN_MS = 50;
const CLEAN_INTERVAL_MS = 10_000;
const TAKE_BACK_LIMIT = 500;

/** The work of an outbox's thread: stores items, sends them, and answers questions. */
export class OutboxService<Item extends NewItem, Questions extends QuestionMap<Questions>> {
  private readonly sender: Sender;
  private readonly shared: SharedQueue | undefined;
  private readonly extension: OutboxExtension<Item, Questions> | undefined;
  private readonly questionHandlers: QuestionHandlers<OutboxQuestions>;
  private readonly stopping = new AbortController();
  private keys: EdgeKeys;
  private cancelCleaning: (() => void) | undefined;

  constructor(private readonly parts: ServiceParts<Item, Questions>) {
    const { data, queue, endpoint, clock, post, extend } = parts;
    this.keys = data.keys;
    const log = (level: 'info' | 'warn', text: string): void => {
      post({ kind: 'log', level, text });
    };
    const wakeSender = (): void => {
      this.sender.wake();
    };
    this.shared = this.newSharedQueue(log);
    this.extension = extend?.({ queue, clock, log, wakeSender });
    this.sender = new Sender({
      ...data,
      ...{ endpoint, clock, log },
      queue: this.shared?.source ?? queue,
      gate: this.extension?.gate,
      random: Math.random,
    });
    this.questionHandlers = {
      status: () => this.status(),
      checkEndpoint: () => checkEndpoint(batchTrial(endpoint, data.names, this.stopping.signal), this.keys, clock),
      handleRefused: (request) =>
        handleRefused(queue, request, () => {
          this.wake();
        }),
    };
    this.shared?.start();
    this.sender.useKeys(data.keys);
    this.clean();
  }

  /** Handles a message of the main thread. After 'stop' the caller calls stop(). */
  async handle(message: Exclude<ToOutboxWorker<Item, Questions>, { kind: 'stop' }>): Promise<void> {
    const { post } = this.parts;
    switch (message.kind) {
      case 'store':
        this.store(message.items);
        break;
      case 'keys':
        this.keys = message.keys;
        this.sender.useKeys(message.keys);
        this.shared?.reconsider();
        break;
      case 'ask':
        post(await answerQuestion(this.questionHandlers, message));
        break;
      case 'extension':
        if (this.extension === undefined) break;
        post({ kind: 'extension', message: await answerQuestion(this.extension.questionHandlers, message.message) });
        break;
    }
  }

  /** Waits up to `graceMs` for running batches. */
  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    this.cancelCleaning?.();
    await this.shared?.stop(graceMs);
    this.extension?.close();
    await this.sender.stop(graceMs);
  }

  private newSharedQueue(log: (level: 'info' | 'warn', text: string) => void): SharedQueue | undefined {
    const { data, queue, clock } = this.parts;
    if (data.redis === undefined || data.mode === 'local') return undefined;
    return new SharedQueue(data.redis, {
      ...{ queue, clock, log },
      items: data.names.items,
      keys: () => this.keys,
      sender: () => this.sender,
    });
  }

  /** Call this when items were queued in the database. */
  private wake(): void {
    (this.shared ?? this.sender).wake();
  }

  private store(items: readonly Item[]): void {
    const { data, queue, post } = this.parts;
    const { queued, setAside } = queue.totals;
    const room = data.mode === 'local' ? Infinity : Math.max(0, data.maxQueue - queued - setAside);
    const accepted = items.length <= room ? items : items.slice(0, room);
    try {
      if (accepted.length > 0) {
        queue.add(accepted, data.mode === 'local' ? 'local' : 'queued', (item) => this.extension?.onAdded(item));
      }
      const error =
        accepted.length < items.length ? { error: errorMessageOf(queueIsFull(data, queued, setAside)) } : {};
      post({ kind: 'stored', count: accepted.length, ...error });
    } catch (error) {
      post({ kind: 'stored', count: 0, error: errorMessageOf(error) });
    }
    this.wake();
  }

  private status(): OutboxStatus {
    const { data, queue, clock } = this.parts;
    const { oldestQueuedMs } = queue;
    const { text, atMs } = this.sender.lastError;
    const { queued, delivered, setAside, kept } = queue.totals;
    return {
      mode: data.mode,
      ...{ queued, delivered, setAside, kept },
      inFlight: this.sender.inFlight,
      oldestAgeMs: oldestQueuedMs === undefined ? undefined : Math.max(0, clock.nowMs() - oldestQueuedMs),
      paused: this.shared?.paused ?? this.sender.paused,
      lastError: text,
      lastErrorMs: atMs,
      nextAttemptMs: this.sender.nextAttemptMs,
      redis: this.shared?.status,
    };
  }

  /**
   * Takes back items that were shared before Redis was removed from the configuration. Another proxy may send them as well,
   * with equal ids.
   */
  private takeSharedBack(): void {
    const { data, queue } = this.parts;
    if (data.redis !== undefined || queue.totals.shared === 0) return;
    const page = () => queue.shared(0, TAKE_BACK_LIMIT);
    for (let items = page(); items.length > 0; items = page()) queue.unshare(items.map(({ id }) => id));
    this.sender.reload();
  }

  private clean(): void {
    const { data, queue, clock, post } = this.parts;
    let deleted = 0;
    try {
      this.takeSharedBack();
      deleted = queue.clean(clock.nowMs() - data.keepMs, MAX_KEPT, CLEAN_LIMIT);
    } catch (error) {
      const text = `Old ${data.names.items} cannot be deleted from the database: ${messageOf(error)}`;
      post({ kind: 'log', level: 'warn', text });
    }
    const isMore = this.extension?.clean() === true || deleted === CLEAN_LIMIT;
    this.cancelCleaning = clock.after(isMore ? CLEAN_AGAIN_MS : CLEAN_INTERVAL_MS, () => {
      this.clean();
    });
  }
}

function queueIsFull({ names, maxQueue }: OutboxData, queued: number, setAside: number): ChrysError {
  const text =
    `The queue of ${names.items} is full: ${queued} wait and ${setAside} are set aside, ${names.maxQueueKey} is ${maxQueue}. ` +
    `This ${names.item} was not stored. GET ${names.statusRoute} says why they are not sent; send it again later.`;
  return new ChrysError('resource_exhausted', text);
}
