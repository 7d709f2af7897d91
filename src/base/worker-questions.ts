import type { Clock } from './clock.js';
import { ChrysError, messageOf, type ErrorKind } from './errors.js';

/** The kinds of questions that a worker answers, each with the types of the question and the answer. All values must be cloneable. */
export type QuestionMap<Q> = { readonly [Kind in keyof Q]: { readonly question: unknown; readonly answer: unknown } };

/** From the asking thread to the worker. */
export type AskMessage<Q extends QuestionMap<Q>> = {
  readonly [Kind in keyof Q]: {
    readonly kind: 'ask';
    readonly id: number;
    readonly about: Kind;
    readonly question: Q[Kind]['question'];
  };
}[keyof Q];

/** From the worker back to the asking thread. */
export type AnswerMessage<Q extends QuestionMap<Q>> =
  | { readonly kind: 'answer'; readonly id: number; readonly value: Q[keyof Q]['answer'] }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: ErrorMessage };

/** A ChrysError as it travels between threads. */
export interface ErrorMessage {
  readonly kind: ErrorKind;
  readonly message: string;
}

/** The worker's functions, one for each kind of question. A function refuses by throwing. */
export type QuestionHandlers<Q extends QuestionMap<Q>> = {
  readonly [Kind in keyof Q]: (question: Q[Kind]['question']) => Q[Kind]['answer'] | Promise<Q[Kind]['answer']>;
};

export interface WorkerQuestionsOptions<Q extends QuestionMap<Q>> {
  readonly clock: Pick<Clock, 'after'>;
  /** Maximum time for an answer. */
  readonly timeoutMs: number;
  /** The error of a question that was not answered in time. */
  readonly timeoutError: () => ChrysError;
  readonly send: (message: AskMessage<Q>) => void;
}

/** Method syntax, so that questions with different answers fit into one map. */
interface Pending {
  resolve(value: unknown): void;
  reject(error: ChrysError): void;
  cancelTimeout(): void;
}

/** Asks a worker questions and hands each answer to the right caller, with the type that the map states. */
export class WorkerQuestions<Q extends QuestionMap<Q>> {
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;

  constructor(private readonly options: WorkerQuestionsOptions<Q>) {}

  /** Asks a question and waits up to `timeoutMs` + `extraMs`. Throws the worker's error, or the timeout error. */
  async ask<Kind extends keyof Q>(about: Kind, question: Q[Kind]['question'], extraMs = 0): Promise<Q[Kind]['answer']> {
    const { clock, timeoutMs, timeoutError, send } = this.options;
    const id = ++this.lastId;
    return await new Promise<Q[Kind]['answer']>((resolve, reject) => {
      const cancelTimeout = clock.after(timeoutMs + extraMs, () => {
        this.take(id)?.reject(timeoutError());
      });
      this.pending.set(id, { resolve, reject, cancelTimeout });
      send({ kind: 'ask', id, about, question });
    });
  }

  /** Hands an answer to its caller. An answer that comes after the timeout is ignored. */
  onAnswer(message: AnswerMessage<Q>): void {
    const pending = this.take(message.id);
    if (message.kind === 'answer') pending?.resolve(message.value);
    else pending?.reject(errorOf(message.error));
  }

  /** Rejects all open questions with this error, for example because the worker crashed. */
  giveUp(error: ChrysError): void {
    for (const id of [...this.pending.keys()]) this.take(id)?.reject(error);
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    pending?.cancelTimeout();
    return pending;
  }
}

/** Answers one question, in the worker. Never rejects. */
export async function answerQuestion<Q extends QuestionMap<Q>>(
  handlers: QuestionHandlers<Q>,
  { id, about, question }: AskMessage<Q>,
): Promise<AnswerMessage<Q>> {
  try {
    return { kind: 'answer', id, value: await handlers[about](question) };
  } catch (error) {
    return { kind: 'refusal', id, error: errorMessageOf(error) };
  }
}

/** An error that is not a ChrysError gets the kind `internal`. */
export function errorMessageOf(error: unknown): ErrorMessage {
  return { kind: error instanceof ChrysError ? error.kind : 'internal', message: messageOf(error) };
}

export function errorOf({ kind, message }: ErrorMessage): ChrysError {
  return new ChrysError(kind, message);
}
