import { DURATION_FORMS, parseDurationMs } from '../base/duration.js';

/** A moment as it was typed: what counts from now is told by the proxy's clock and not by ours. */
export type Moment = { readonly atMs: number } | { readonly agoMs: number };

/** For an error message: what `parseMoment` accepts. */
export const MOMENT_FORMS =
  `now, -30s (a duration before now: ${DURATION_FORMS}), 2026-01-02T03:04:05.678Z (ISO 8601; without a zone, that of ` +
  'this machine), or milliseconds since the epoch';

const ISO_8601 = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?$/;
/** Numbers below are seconds, which nobody means who asks for a moment of 1970. */
const MIN_EPOCH_MS = 100_000_000_000;

/** Undefined for what is none of MOMENT_FORMS. */
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
  // JavaScript takes a day alone as one of UTC, and a day with a time as one of this machine's zone.
  const whole = text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T').replace(',', '.');
  const ms = Date.parse(whole.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase());
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
