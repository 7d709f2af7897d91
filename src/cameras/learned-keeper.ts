import type { Clock } from '../base/clock.js';
import type { LearnedFacts } from '../native/types.js';

/** Minimum time between two writes: a camera whose facts change with every packet must not cause a write for each. */
const INTERVAL_MS = 1000;

/** What was learnt about one camera. Stores the newest facts soon, and at most once in INTERVAL_MS. Main thread. */
export class LearnedKeeper {
  private cancelTimer: (() => void) | undefined;
  private storedAtMs = -Infinity;
  private unstored = false;
  private paused = false;

  constructor(
    private current: LearnedFacts | undefined,
    private readonly clock: Clock,
    private readonly store: (facts: LearnedFacts | undefined) => void,
  ) {}

  get facts(): LearnedFacts | undefined {
    return this.current;
  }

  learn(facts: LearnedFacts): void {
    if (this.paused) return;
    this.current = facts;
    this.unstored = true;
    const dueMs = this.storedAtMs + INTERVAL_MS - this.clock.monotonicMs();
    if (dueMs <= 0) this.flush();
    else this.cancelTimer ??= this.clock.after(dueMs, this.flush);
  }

  /** Forgets everything. What is learnt until `resume` comes from the old connection, and is ignored. */
  forget(): void {
    this.paused = true;
    this.current = undefined;
    this.unstored = true;
    this.flush();
  }

  /** A new capture begins. */
  resume(): void {
    this.paused = false;
  }

  /** Stores now what is not stored yet. */
  readonly flush = (): void => {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (!this.unstored) return;
    this.unstored = false;
    this.storedAtMs = this.clock.monotonicMs();
    this.store(this.current);
  };
}
