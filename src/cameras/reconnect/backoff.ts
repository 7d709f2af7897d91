import type { CameraReason } from '../types.js';

/** After a stream ran for this time, the next failure starts the back-off again from its first step. */
export const HEALTHY_AFTER_MS = 30_000;
/** The same after a flood. It is longer because a camera that floods the proxy runs well in between. */
export const MENDED_AFTER_MS = 600_000;

const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface Backoff {
  /** Milliseconds before the next attempt, by number of failures. The last step applies to all further failures. */
  readonly steps: readonly number[];
  /** Which failures are counted. */
  readonly by: keyof Failures;
}

const USUAL: Backoff = { steps: [1000, 1000, 2000, 5000, 10_000, 30_000, 60_000], by: 'any' };
/** Cameras lock an account after about five wrong passwords, and some keep it locked while attempts go on. */
const ACCOUNT: Backoff = { steps: [5 * MINUTE, 15 * MINUTE, 30 * MINUTE], by: 'kept' };
/** The URL or the camera's settings are wrong: no attempt can help until a user changes them. */
const SETTINGS: Backoff = { steps: [MINUTE, 5 * MINUTE, 15 * MINUTE], by: 'kept' };
const EVERY_MINUTE: Backoff = { steps: [MINUTE], by: 'same' };
const FLOOD: Backoff = {
  steps: [10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE],
  by: 'kept',
};
/** No retry can mend the failure. */
const NEVER: Backoff = { steps: [], by: 'any' };

const BY_REASON: Partial<Record<CameraReason, Backoff>> = {
  unauthorized: ACCOUNT,
  forbidden: ACCOUNT,
  credentials_needed: SETTINGS,
  auth_unsupported: SETTINGS,
  not_found: { steps: [10_000, 30_000, 60_000], by: 'same' },
  file_not_found: { steps: [5000, 10_000, 30_000], by: 'same' },
  file_unreadable: { steps: [5000, 10_000, 30_000, 60_000], by: 'same' },
  // A forgotten session expires after a minute with most cameras, and the camera should be back soon after that.
  session_limit: { steps: [5000, 10_000], by: 'same' },
  too_many_pixels: EVERY_MINUTE,
  certificate_changed: EVERY_MINUTE,
  certificate_untrusted: EVERY_MINUTE,
  flood: FLOOD,
  message_too_large: FLOOD,
  picture_too_large: FLOOD,
  unsupported_codec: NEVER,
  replay_ended: NEVER,
};

/** Changes each delay by up to this fraction, so that not all cameras of a network are opened at one moment. */
const JITTER = 0.2;

export interface Failures {
  /** Failures in a row of any reason, this one included. */
  readonly any: number;
  /** Failures in a row of this reason, this one included. */
  readonly same: number;
  /** Failures of this reason, this one included, since a stream last ran for `mendedAfterMs`. Other failures do not reset it. */
  readonly kept: number;
}

/** Milliseconds to wait before the next attempt; undefined: there is none. `random` returns 0 to 1. */
export function retryDelayMs(reason: CameraReason, failures: Failures, random: () => number): number | undefined {
  const { steps, by } = BY_REASON[reason] ?? USUAL;
  const delayMs = steps[Math.min(Math.max(failures[by], 1), steps.length) - 1];
  return delayMs === undefined ? undefined : Math.round(delayMs * (1 + JITTER * (2 * random() - 1)));
}

/** How long a stream must run, in milliseconds, until earlier failures of that reason no longer count. */
export function mendedAfterMs(reason: CameraReason): number {
  return BY_REASON[reason] === FLOOD ? MENDED_AFTER_MS : HEALTHY_AFTER_MS;
}

/** How a reason is retried, for the reference page; '' when it is retried as usual. */
export function retryRule(reason: CameraReason): string {
  const backoff = BY_REASON[reason];
  if (backoff === undefined) return '';
  const { steps } = backoff;
  const last = steps.at(-1);
  if (last === undefined) return 'Not retried.';
  const reset =
    backoff === FLOOD
      ? ` After the stream has run for ${MENDED_AFTER_MS / MINUTE} min, the delays start again with the first.`
      : '';
  if (steps.length === 1) return `Retried every ${last === MINUTE ? 'minute' : duration(last)}.${reset}`;
  const earlier = steps.slice(0, -1).map(duration).join(', ');
  return `Retried after ${earlier} and then every ${last === MINUTE ? 'minute' : duration(last)}.${reset}`;
}

function duration(ms: number): string {
  return ms >= MINUTE ? `${ms / MINUTE} min` : `${ms / SECOND} s`;
}
