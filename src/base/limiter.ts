import { ChrysError } from './errors.js';

/** Runs at most `running` tasks at a time. At most `waiting` more wait in order; further ones are refused. */
export class Limiter {
  #active = 0;
  readonly #queue: (() => void)[] = [];

  /** `what` names the tasks in the refusal: "Too many … at the moment". */
  constructor(
    private readonly what: string,
    private readonly running: number,
    private readonly waiting: number,
  ) {}

  /** Throws resource_exhausted when the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#active >= this.running) {
      if (this.#queue.length >= this.waiting) {
        throw new ChrysError(
          'resource_exhausted',
          `Too many ${this.what} at the moment (${this.#active} running, ${this.#queue.length} waiting). Try again later.`,
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
