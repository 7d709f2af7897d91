import type { Clock } from '../base/clock.js';
import { CONTROL, DEMAND } from '../gen/ring-layout.js';
import type { Control } from '../rings/control.js';

/** Demand outlives the call that raised it by so much, so that a caller who comes back finds the decoder running. */
export const DEMAND_TTL_MS = 10_000;

interface DemandClass {
  readonly mode: number;
  /** Clock.monotonicMs until which it lasts. */
  untilMs: number;
  /** Calls that wait at the moment. */
  held: number;
}

/** The union of what a camera's callers ask for; writes CONTROL.demandMode. Main thread. */
export class Demand {
  private readonly keyframes: DemandClass = { mode: DEMAND.keyframes, untilMs: -Infinity, held: 0 };
  private readonly all: DemandClass = { mode: DEMAND.all, untilMs: -Infinity, held: 0 };
  private mode: number = DEMAND.idle;
  private cancelTimer: (() => void) | undefined;

  constructor(
    private readonly control: Control,
    private readonly clock: Clock,
  ) {}

  /** A call came in. */
  touch(keyframesOnly: boolean): void {
    const demanded = keyframesOnly ? this.keyframes : this.all;
    demanded.untilMs = this.clock.monotonicMs() + DEMAND_TTL_MS;
    if (demanded.mode > this.mode) this.setMode(demanded.mode);
    this.cancelTimer ??= this.clock.after(DEMAND_TTL_MS, this.expire);
  }

  /** A call begins to wait: its demand lasts until `release`, and the usual time from there. */
  hold(keyframesOnly: boolean): void {
    (keyframesOnly ? this.keyframes : this.all).held += 1;
  }

  release(keyframesOnly: boolean): void {
    (keyframesOnly ? this.keyframes : this.all).held -= 1;
    this.touch(keyframesOnly);
  }

  close(): void {
    this.cancelTimer?.();
    this.cancelTimer = () => undefined;
    this.setMode(DEMAND.idle);
  }

  private readonly expire = (): void => {
    this.cancelTimer = undefined;
    const nowMs = this.clock.monotonicMs();
    const live = [this.keyframes, this.all].filter((each) => each.held > 0 || each.untilMs > nowMs);
    this.setMode(Math.max(DEMAND.idle, ...live.map((each) => each.mode)));
    if (live.length === 0) return;
    const nextMs = Math.min(...live.map((each) => (each.untilMs > nowMs ? each.untilMs - nowMs : DEMAND_TTL_MS)));
    this.cancelTimer = this.clock.after(Math.max(1, nextMs), this.expire);
  };

  private setMode(mode: number): void {
    if (mode === this.mode) return;
    this.mode = mode;
    this.control.setI32(CONTROL.demandModeI32, mode);
  }
}
