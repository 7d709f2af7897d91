/** The messages between the main thread and the thread of an outbox. */
import type { AnswerMessage, AskMessage, ErrorMessage, QuestionMap } from '../base/worker-questions.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { NewItem } from './item.js';
import type { OutboxNames } from './outbox-names.js';
import type { OutboxMode, OutboxStatus, RefusedAction, SharedQueueOptions } from './types.js';

/** The settings of an outbox: its thread gets them as workerData. */
export interface OutboxData {
  readonly names: OutboxNames;
  readonly dataDir: string;
  readonly mode: OutboxMode;
  readonly endpoint: string;
  readonly timeoutMs: number;
  /** Maximum number of items that are sent but not yet acknowledged. */
  readonly unackedLimit: number;
  /** Maximum time that an item waits until its batch is full. */
  readonly pollDurationMs: number;
  readonly maxBatchSize: number;
  /** Maximum number of queued and refused items; further items are not stored. */
  readonly maxQueue: number;
  /** How long delivered items are kept. */
  readonly keepMs: number;
  readonly keys: EdgeKeys;
  /** Whether refused items are sent again, as after any other failure, instead of being set aside. */
  readonly retryRefused?: boolean | undefined;
  /** The queue in Redis that proxies share; undefined: this proxy sends its own items. */
  readonly redis?: SharedQueueOptions | undefined;
}

export interface OutboxQuestions {
  readonly status: { readonly question: undefined; readonly answer: OutboxStatus };
  readonly checkEndpoint: { readonly question: undefined; readonly answer: EndpointCheck };
  readonly handleRefused: { readonly question: RefusedRequest; readonly answer: number };
}

export interface RefusedRequest {
  readonly action: RefusedAction;
  /** Undefined: all refused items. */
  readonly ids: readonly string[] | undefined;
}

/** The questions of an outbox without an extension. */
export type NoQuestions = object;

export type ToOutboxWorker<Item extends NewItem, Extension extends QuestionMap<Extension>> =
  /** Answered by 'stored'; the next 'store' is sent after that. */
  | { readonly kind: 'store'; readonly items: readonly Item[] }
  | { readonly kind: 'keys'; readonly keys: EdgeKeys }
  | AskMessage<OutboxQuestions>
  | { readonly kind: 'extension'; readonly message: AskMessage<Extension> }
  /** Ends the thread. Waiting items stay in the database. */
  | { readonly kind: 'stop' };

export type FromOutboxWorker<Extension extends QuestionMap<Extension>> =
  | { readonly kind: 'opened' }
  /** The database cannot be used. The thread ends with this error. */
  | { readonly kind: 'unusable'; readonly error: ErrorMessage }
  /** The first `count` items are durable. The others are not stored, because of `error`. */
  | { readonly kind: 'stored'; readonly count: number; readonly error?: ErrorMessage }
  | AnswerMessage<OutboxQuestions>
  | { readonly kind: 'extension'; readonly message: AnswerMessage<Extension> }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly text: string };
