import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { ClockJumps } from './clock-jumps.js';
import type { ToRecorder } from './messages.js';
import type { ProtectedSpan } from './retention.js';
import { runOnSchedule } from './schedule.js';

export interface CleaningOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
  /** buffer.on_disk_schedule. */
  readonly schedule: string;
  /** What must stay; asked anew before each bit of cleaning, so that a clip that was just made is kept. */
  readonly protectedSpans: () => readonly ProtectedSpan[];
  readonly send: (message: Extract<ToRecorder, { kind: 'clean' }>) => void;
}

const CLOCK_LOOK_MS = 1000;

/** Decides when old segments are cleaned away; the recorder worker does it, a bit at a time. Main thread. */
export class Cleaning {
  private readonly jumps: ClockJumps;
  private readonly endSchedule: () => void;
  private cancelLook: () => void = () => undefined;
  /** The worker is at it. */
  private isRunning = false;
  private isWantedAgain = false;

  /** Throws failed_precondition when the schedule names no moment. */
  constructor(private readonly options: CleaningOptions) {
    this.jumps = new ClockJumps(options.clock);
    this.endSchedule = runOnSchedule(options.schedule, options.clock, () => {
      this.begin();
    });
    this.lookAtClock();
  }

  begin(): void {
    if (this.isRunning) {
      this.isWantedAgain = true;
      return;
    }
    this.isWantedAgain = false;
    let protectedSpans: readonly ProtectedSpan[];
    try {
      protectedSpans = this.options.protectedSpans();
    } catch (error) {
      // Nothing is deleted without them.
      this.options.logger.error(`nothing is cleaned away: the protected clips cannot be read: ${messageOf(error)}`);
      return;
    }
    this.isRunning = true;
    this.jumps.look();
    this.options.send({
      kind: 'clean',
      nowUs: this.options.clock.nowMs() * 1000,
      jumps: this.jumps.list,
      protectedSpans,
    });
  }

  onCleaned(more: boolean): void {
    this.isRunning = false;
    if (more || this.isWantedAgain) this.begin();
  }

  /** The worker that was at it is gone. */
  reset(): void {
    this.isRunning = false;
    this.isWantedAgain = false;
  }

  close(): void {
    this.endSchedule();
    this.cancelLook();
  }

  private lookAtClock(): void {
    this.jumps.look();
    this.cancelLook = this.options.clock.after(CLOCK_LOOK_MS, () => {
      this.lookAtClock();
    });
  }
}
