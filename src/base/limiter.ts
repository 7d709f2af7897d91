import { ChrysError } from './errors.js';

/** Runs at most `maxRunning` tasks at a time. Up to `maxWaiting` more wait in order; further tasks are refused. */
export class Limiter {
  #active = 0;
  readonly #queue: (() => void)[] = [];

  /** `tasks` names the tasks in the error: "Too many … at the moment". */
  constructor(
    private readonly tasks: string,
    private readonly maxRunning: number,
    private readonly maxWaiting: number,
  ) {}

  /** Throws resource_exhausted when the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#active >= this.maxRunning) {
      if (this.#queue.length >= this.maxWaiting) {
        throw new ChrysError(
          'resource_exhausted',
          `Too many ${this.tasks} at the moment (${this.#active} running, ${this.#queue.length} waiting). Try again later.`,
        );
      }
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else {
      this.#active += 1;
    }
    try {
      return await task();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) {
        this.#active -= 1;
      } else {
        next();
      }
    }
  }
}
