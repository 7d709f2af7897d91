import { ChrysError } from '../../base/errors.js';

export const MIN_WIDTH = 16;
export const MAX_WIDTH = 7680;
/** The last moment that a Date can be; in microseconds it still is a 64-bit integer. */
export const LATEST_MS = 8_640_000_000_000_000;

/** A parameter of a URL's query; undefined when it is not there. Throws invalid_argument with what is allowed. */
export function wholeNumber(
  query: Readonly<Record<string, unknown>>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = query[name];
  if (value === undefined) {
    return undefined;
  }
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (!(number >= least && number <= most)) {
    throw refused(name, value, `one whole number from ${least} to ${most}`);
  }
  return number;
}

export interface TimeRange {
  /** Milliseconds since the epoch, inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** `from` and `to`; left out or 0, they mean from the beginning and without an end. Throws invalid_argument. */
export function timeRange(query: Readonly<Record<string, unknown>>): TimeRange {
  const fromMs = wholeNumber(query, 'from', 0, LATEST_MS) ?? 0;
  const toMs = wholeNumber(query, 'to', 0, LATEST_MS) ?? 0;
  if (toMs > 0 && fromMs > toMs) {
    throw new ChrysError('invalid_argument', `from (${fromMs}) is later than to (${toMs}): exchange them.`);
  }
  return { fromMs, toMs: toMs === 0 ? LATEST_MS : toMs };
}

/** `true` or `false`; `otherwise` when it is not there. Throws invalid_argument. */
export function truth(query: Readonly<Record<string, unknown>>, name: string, otherwise: boolean): boolean {
  const value = query[name];
  if (value === undefined) {
    return otherwise;
  }
  if (value !== 'true' && value !== 'false') {
    throw refused(name, value, 'true or false');
  }
  return value === 'true';
}

/** Any text of 1 to `most` characters; undefined when it is not there. Throws invalid_argument. */
export function text(query: Readonly<Record<string, unknown>>, name: string, most: number): string | undefined {
  const value = query[name];
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== 'string' || value === '' || value.length > most) {
    throw refused(name, value, `one text of 1 to ${most} characters`);
  }
  return value;
}

function refused(name: string, value: unknown, allowed: string): ChrysError {
  const shown = JSON.stringify(value).slice(0, 40);
  return new ChrysError('invalid_argument', `${name}: ${shown} is not allowed; allowed is ${allowed}.`);
}
