import { DURATION_FORMS, parseDurationMs } from '../base/duration.js';

/** A point in time as the user typed it. Relative times are resolved with the clock of the proxy, not of this machine. */
export type Moment = { readonly atMs: number } | { readonly agoMs: number };

/** The forms that `parseMoment` accepts, for help and error messages. */
export const MOMENT_FORMS =
  `"now", a duration before now such as -30s (${DURATION_FORMS}), ISO 8601 such as 2026-01-02T03:04:05.678Z (without a ` +
  'zone: local time), or milliseconds since the epoch';

const ISO_8601 = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?$/;
/** Smaller numbers are refused: as milliseconds they would be in 1970 to 1973, so they are probably seconds. */
const MIN_EPOCH_MS = 100_000_000_000;

/** Undefined for a text that has none of MOMENT_FORMS. */
export function parseMoment(text: string): Moment | undefined {
  if (text === 'now') {
    return { agoMs: 0 };
  }
  if (/^(?:now)?-/.test(text)) {
    const agoMs = parseDurationMs(text.slice(text.indexOf('-') + 1));
    return agoMs === undefined ? undefined : { agoMs };
  }
  const atMs = /^\d{1,15}$/.test(text) ? epochMs(Number(text)) : isoMs(text);
  return atMs === undefined ? undefined : { atMs };
}

/** Milliseconds since the epoch. */
export function resolveMoment(moment: Moment, nowMs: number): number {
  return 'atMs' in moment ? moment.atMs : nowMs - moment.agoMs;
}

function epochMs(number: number): number | undefined {
  return number >= MIN_EPOCH_MS ? number : undefined;
}

function isoMs(text: string): number | undefined {
  if (!ISO_8601.test(text)) {
    return undefined;
  }
  // JavaScript reads a date without a time as UTC, but a date with a time as local time.
  const whole = text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T').replace(',', '.');
  const ms = Date.parse(whole.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase());
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
