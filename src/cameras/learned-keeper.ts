import type { Clock } from '../base/clock.js';
import type { LearnedFacts } from '../native/types.js';

/** Minimum time between two writes: a camera whose facts change with every packet must not cause a write for each. */
const INTERVAL_MS = 1000;

/** The learned facts of one camera. Stores the newest facts, at most once in INTERVAL_MS. Main thread. */
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

  /** Forgets all facts. Ignores facts until `resume`, because they come from the old connection. */
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

  /** Stores the newest facts at once, unless they are stored already. */
  readonly flush = (): void => {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    if (!this.unstored) return;
    this.unstored = false;
    this.storedAtMs = this.clock.monotonicMs();
    this.store(this.current);
  };
}
