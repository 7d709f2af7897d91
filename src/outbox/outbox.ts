import type { Clock } from '../base/clock.js';
import { ChrysError, shuttingDown } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { SupervisedThread } from '../base/supervised-thread.js';
import { errorOf, WorkerQuestions, type QuestionMap } from '../base/worker-questions.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { NewItem } from './item.js';
import type { FromOutboxWorker, NoQuestions, OutboxData, OutboxQuestions, ToOutboxWorker } from './messages.js';
import { diskTimeout, StoreQueue } from './store-queue.js';
import type { OutboxStatus, RefusedAction, StoreCall } from './types.js';

export interface OutboxOptions<Data extends OutboxData = OutboxData> {
  readonly data: Data;
  readonly logger: Logger;
  /** For timeouts. */
  readonly clock: Clock;
  /** When it is aborted, no further items are stored. */
  readonly stopping: AbortSignal;
  /** The program of the thread. Default: an outbox without an extension. */
  readonly workerUrl?: URL;
}

const ANSWER_TIMEOUT_MS = 15_000;
const STOP_GRACE_MS = 3000;
const WORKER = new URL('./outbox-worker.js', import.meta.url);
/** For the items that are being sent, and a page of an answer. */
const HEAP_MB = { old: 256, young: 16 };

/**
 * A durable queue and its sender: items are stored on the disk, and sent until the endpoint has accepted them. The queue
 * and the sender have a thread of their own; this class is the main thread's side, which never waits for the disk. All
 * promises reject with a ChrysError.
 */
export class Outbox<Item extends NewItem = NewItem, Questions extends QuestionMap<Questions> = NoQuestions> {
  private readonly thread: SupervisedThread<ToOutboxWorker<Item, Questions>, FromOutboxWorker<Questions>>;
  private readonly opened: Promise<void>;
  private readonly stores: StoreQueue<Item>;
  private readonly questions: WorkerQuestions<OutboxQuestions>;
  private readonly extensionQuestions: WorkerQuestions<Questions>;
  private settleOpened: (error?: ChrysError) => void = () => undefined;
  private keys: EdgeKeys;
  private closed = false;

  private constructor(private readonly options: OutboxOptions) {
    const { data, clock } = options;
    this.keys = keysOnly(data.keys);
    this.stores = new StoreQueue({
      ...{ names: data.names, clock },
      send: (items) => {
        this.thread.send({ kind: 'store', items });
      },
    });
    const asking = { clock, timeoutMs: ANSWER_TIMEOUT_MS, timeoutError: diskTimeout };
    this.questions = new WorkerQuestions({
      ...asking,
      send: (message) => {
        this.thread.send(message);
      },
    });
    this.extensionQuestions = new WorkerQuestions({
      ...asking,
      send: (message) => {
        this.thread.send({ kind: 'extension', message });
      },
    });
    this.opened = new Promise((resolve, reject) => {
      this.settleOpened = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    this.thread = this.newThread();
    this.thread.ensureStarted();
  }

  /** Throws failed_precondition when the database cannot be used. */
  static async open<Item extends NewItem = NewItem, Questions extends QuestionMap<Questions> = NoQuestions>(
    options: OutboxOptions,
  ): Promise<Outbox<Item, Questions>> {
    const outbox = new Outbox<Item, Questions>(options);
    try {
      await outbox.opened;
    } catch (error) {
      await outbox.stop();
      throw error;
    }
    return outbox;
  }

  /**
   * Stores an item. Resolves with its id when the item survives a power cut. Items are stored in the order of the calls;
   * an item whose caller is gone before its turn is not stored.
   */
  async store(item: Item, call: StoreCall): Promise<string> {
    if (this.closed || this.options.stopping.aborted) throw shuttingDown('send it again later');
    if (this.thread.outage !== '') throw new ChrysError('unavailable', `${this.thread.outage}: send it again then.`);
    return await this.stores.add(item, call);
  }

  async status(): Promise<OutboxStatus> {
    this.checkThread();
    return await this.questions.ask('status', undefined);
  }

  /** Requeues or discards refused items, all when `ids` is undefined. Returns their number. */
  async handleRefused(action: RefusedAction, ids: readonly string[] | undefined): Promise<number> {
    this.checkThread();
    return await this.questions.ask('handleRefused', { action, ids });
  }

  /** Takes up to the timeout of the endpoint. */
  async checkEndpoint(): Promise<EndpointCheck> {
    this.checkThread();
    return await this.questions.ask('checkEndpoint', undefined, this.options.data.timeoutMs);
  }

  /** Asks the extension in the outbox's thread. */
  async ask<Kind extends keyof Questions>(
    about: Kind,
    question: Questions[Kind]['question'],
  ): Promise<Questions[Kind]['answer']> {
    this.checkThread();
    return await this.extensionQuestions.ask(about, question);
  }

  /** Items that wait for keys are sent at once. */
  useKeys(keys: EdgeKeys): void {
    this.keys = keysOnly(keys);
    this.thread.send({ kind: 'keys', keys: this.keys });
  }

  /** Stored items stay in the database. Takes at most about STOP_GRACE_MS. */
  async stop(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { logger, data } = this.options;
    if (!(await this.thread.end({ kind: 'stop' }, STOP_GRACE_MS))) {
      logger.warn(`The database of the ${data.names.items} does not answer: the disk is very slow.`);
    }
    this.giveUp(shuttingDown('send it again later'));
  }

  private newThread(): Outbox<Item, Questions>['thread'] {
    const { data, clock, logger, workerUrl = WORKER } = this.options;
    const { items } = data.names;
    return new SupervisedThread({
      url: workerUrl,
      name: items,
      label: `The thread that stores ${items}`,
      data: (): OutboxData => ({ ...data, keys: this.keys }),
      heapMb: HEAP_MB,
      ...{ clock, logger },
      isReady: (message: FromOutboxWorker<Questions>) => message.kind === 'opened',
      onMessage: (message: FromOutboxWorker<Questions>) => {
        if (message.kind === 'opened') this.settleOpened();
        else if (message.kind === 'unusable') this.settleOpened(errorOf(message.error));
        else this.onMessage(message);
      },
      onCrashed: () => {
        const { outage } = this.thread;
        this.settleOpened(new ChrysError('failed_precondition', `The ${items} cannot be opened: ${outage}.`));
        this.giveUp(new ChrysError('unavailable', `${outage}: send it again then.`));
      },
    });
  }

  private onMessage(message: Exclude<FromOutboxWorker<Questions>, { kind: 'opened' | 'unusable' }>): void {
    switch (message.kind) {
      case 'stored':
        this.stores.onStored(message.count, message.error && errorOf(message.error));
        break;
      case 'answer':
      case 'refusal':
        this.questions.onAnswer(message);
        break;
      case 'extension':
        this.extensionQuestions.onAnswer(message.message);
        break;
      case 'log':
        this.options.logger[message.level](message.text);
        break;
    }
  }

  private checkThread(): void {
    if (this.closed) throw shuttingDown('send it again later');
    if (this.thread.outage !== '') throw new ChrysError('unavailable', `${this.thread.outage}: ask again then.`);
  }

  private giveUp(error: ChrysError): void {
    this.stores.rejectAll(error);
    this.questions.giveUp(error);
    this.extensionQuestions.giveUp(error);
  }
}

/** Drops the other fields of the settings, which the thread does not need. */
function keysOnly({ edgeKey, edgeSecret }: EdgeKeys): EdgeKeys {
  return { edgeKey, edgeSecret };
}
