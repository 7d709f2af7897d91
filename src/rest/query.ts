import { ChrysError } from '../base/errors.js';

export const LEAST_WIDTH = 16;
export const MOST_WIDTH = 7680;

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

function refused(name: string, value: unknown, allowed: string): ChrysError {
  const shown = JSON.stringify(value).slice(0, 40);
  return new ChrysError('invalid_argument', `${name}: ${shown} is not allowed; allowed is ${allowed}.`);
}
