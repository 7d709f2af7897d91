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
  /** Recordings that must not be deleted. Read again before each part of the cleaning, so that a new clip is kept. */
  readonly protectedSpans: () => readonly ProtectedSpan[];
  readonly send: (message: Extract<ToRecorder, { kind: 'clean' }>) => void;
}

const CLOCK_CHECK_MS = 1000;

/** Decides when old segments are deleted. The recorder thread deletes them, a part at a time. Main thread. */
export class Cleaning {
  private readonly jumps: ClockJumps;
  private readonly endSchedule: () => void;
  private cancelClockCheck: () => void = () => undefined;
  /** The recorder thread is deleting. */
  private isRunning = false;
  private isRequestedAgain = false;

  /** Throws failed_precondition when the schedule is not valid. */
  constructor(private readonly options: CleaningOptions) {
    this.jumps = new ClockJumps(options.clock);
    this.endSchedule = runOnSchedule(options.schedule, options.clock, () => {
      this.begin();
    });
    this.checkClock();
  }

  begin(): void {
    if (this.isRunning) {
      this.isRequestedAgain = true;
      return;
    }
    this.isRequestedAgain = false;
    let protectedSpans: readonly ProtectedSpan[];
    try {
      protectedSpans = this.options.protectedSpans();
    } catch (error) {
      // Nothing may be deleted while the protected spans are not known.
      this.options.logger.error(
        `No old segments are deleted, because the protected clips cannot be read: ${messageOf(error)}`,
      );
      return;
    }
    this.isRunning = true;
    this.jumps.check();
    this.options.send({
      kind: 'clean',
      nowUs: this.options.clock.nowMs() * 1000,
      jumps: this.jumps.list,
      protectedSpans,
    });
  }

  onCleaned(more: boolean): void {
    this.isRunning = false;
    if (more || this.isRequestedAgain) this.begin();
  }

  /** The recorder thread has crashed, or a new one was started: an earlier request is not answered. */
  reset(): void {
    this.isRunning = false;
    this.isRequestedAgain = false;
  }

  close(): void {
    this.endSchedule();
    this.cancelClockCheck();
  }

  private checkClock(): void {
    this.jumps.check();
    this.cancelClockCheck = this.options.clock.after(CLOCK_CHECK_MS, () => {
      this.checkClock();
    });
  }
}
