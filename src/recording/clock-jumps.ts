import type { Clock } from '../base/clock.js';

/** The wall clock was set forward. */
export interface ForwardJump {
  /** The time without the jump, in microseconds since the epoch. */
  readonly oldNowUs: number;
  readonly byUs: number;
}

/** A smaller jump is a correction of the clock and is ignored. */
const MIN_JUMP_MS = 30_000;
/** Maximum number of jumps. Beyond it, the oldest is forgotten. */
const MAX_JUMPS = 100;

/**
 * Notices when the wall clock is set forward, so that segments do not seem older than they are. A jump while the proxy is
 * not running cannot be noticed.
 */
export class ClockJumps {
  private readonly found: ForwardJump[] = [];
  private aheadMs: number;

  constructor(private readonly clock: Clock) {
    this.aheadMs = this.ahead();
  }

  /** Oldest first. */
  get list(): readonly ForwardJump[] {
    return this.found;
  }

  /** The caller calls it about once a second. */
  check(): void {
    const aheadMs = this.ahead();
    const byMs = aheadMs - this.aheadMs;
    if (byMs > MIN_JUMP_MS) {
      this.found.push({ oldNowUs: (this.clock.nowMs() - byMs) * 1000, byUs: byMs * 1000 });
      if (this.found.length > MAX_JUMPS) this.found.shift();
    }
    this.aheadMs = aheadMs;
  }

  private ahead(): number {
    return this.clock.nowMs() - this.clock.monotonicMs();
  }
}

/** How long ago a segment ended, in microseconds, without the jumps of the clock since then. */
export function ageUs(endUs: number, nowUs: number, jumps: readonly ForwardJump[]): number {
  let age = nowUs - endUs;
  for (const { oldNowUs, byUs } of jumps) if (endUs <= oldNowUs) age -= byUs;
  return age;
}
