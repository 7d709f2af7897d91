import type { Clock } from '../base/clock.js';
import type { QuestionHandlers, QuestionMap } from '../base/worker-questions.js';
import type { NewItem } from './item.js';
import type { QueueDatabase } from './queue-database.js';
import type { SendGate } from './send-gate.js';

/** Functions that a client adds to its outbox. They run in the thread of the outbox. */
export interface OutboxExtension<Item extends NewItem, Questions extends QuestionMap<Questions>> {
  /** Delays items or changes their form; undefined: all are sent in batches. */
  readonly gate: SendGate | undefined;
  /** Answers the client's questions. */
  readonly questionHandlers: QuestionHandlers<Questions>;
  /** Runs for each new item within the transaction that stores it. */
  onAdded(item: Item): void;
  /** Deletes some of the client's data of deleted items. Called every few seconds. True: there is more to delete. */
  clean(): boolean;
  close(): void;
}

/** The parts of the outbox that an extension can use. */
export interface ExtensionContext {
  readonly queue: QueueDatabase;
  readonly clock: Clock;
  readonly log: (level: 'info' | 'warn', text: string) => void;
  /** Call this when the gate no longer holds an item. */
  readonly wakeSender: () => void;
}

export type Extend<Item extends NewItem, Questions extends QuestionMap<Questions>> = (
  context: ExtensionContext,
) => OutboxExtension<Item, Questions>;
