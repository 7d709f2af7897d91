import { Cron } from 'croner';

import type { Clock } from '../base/clock.js';
import { parseDurationMs } from '../base/duration.js';
import { ChrysError, messageOf } from '../base/errors.js';

/** The maximum delay of setTimeout. */
const MAX_MS = 2 ** 31 - 1;

/**
 * Runs `action` on a schedule, in local time: "@every <duration>", a cron pattern of 5 or 6 fields, or a name such as
 * @hourly. The returned function ends it. Throws failed_precondition when the pattern is not valid.
 */
export function runOnSchedule(schedule: string, clock: Clock, action: () => void): () => void {
  const every = /^@every\s+(\S+)$/.exec(schedule.trim())?.[1];
  if (every !== undefined) return runEvery(parseDurationMs(every) ?? MAX_MS, clock, action);
  try {
    const pattern = schedule.trim() === '@midnight' ? '@daily' : schedule.trim();
    const job = new Cron(pattern, { unref: true }, action);
    return () => {
      job.stop();
    };
  } catch (error) {
    throw new ChrysError(
      'failed_precondition',
      `buffer.on_disk_schedule: ${JSON.stringify(schedule)} is not a valid schedule: ${messageOf(error)}. Correct the pattern.`,
      { cause: error },
    );
  }
}

/** Uses the monotonic clock, because the wall clock can be set. */
function runEvery(everyMs: number, clock: Clock, action: () => void): () => void {
  let cancel: () => void;
  const wait = (): void => {
    cancel = clock.after(Math.min(everyMs, MAX_MS), () => {
      wait();
      action();
    });
  };
  wait();
  return () => {
    cancel();
  };
}
