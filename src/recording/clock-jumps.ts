import type { Clock } from '../base/clock.js';

/** The wall clock was set forward. */
export interface ForwardJump {
  /** What it would have shown without the jump, microseconds since the epoch. */
  readonly oldNowUs: number;
  readonly byUs: number;
}

/** A clock that is set by less is only put right. */
const MIN_JUMP_MS = 30_000;
/** More than these nobody needs: a clock that jumps so often says nothing about ages. */
const MAX_JUMPS = 100;

/**
 * Notices when the wall clock is set forward, so that nothing is taken for older than it is: what ended before a jump
 * is younger by it. A jump that happens while the proxy is not running cannot be noticed.
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

  /** Call it about every second. */
  look(): void {
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

/** How long ago something ended, microseconds: without the time that only a clock has jumped over. */
export function ageUs(endUs: number, nowUs: number, jumps: readonly ForwardJump[]): number {
  let age = nowUs - endUs;
  for (const { oldNowUs, byUs } of jumps) if (endUs <= oldNowUs) age -= byUs;
  return age;
}
