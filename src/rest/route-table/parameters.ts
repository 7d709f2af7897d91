import { z } from 'zod';
import { ChrysError } from '../../base/errors.js';
import { CAMERA_NAME, checkCameraName } from '../../cameras/camera-name.js';

export const MIN_WIDTH = 16;
export const MAX_WIDTH = 7680;
/** The latest time of a Date; in microseconds it is still a 64-bit integer. */
export const LATEST_MS = 8_640_000_000_000_000;

/** Milliseconds since the epoch in a body. */
export const moment = z.int().min(1).max(LATEST_MS);

/** A query parameter that is a whole number; undefined when it is missing. */
export function wholeNumber(min: number, max: number, description: string) {
  return optionalWholeNumber(min, max, { description });
}

/** As wholeNumber, with a default value. */
export function wholeNumberOr(defaultValue: number, min: number, max: number, description: string) {
  return optionalWholeNumber(min, max, { description, default: defaultValue }).transform(
    (value) => value ?? defaultValue,
  );
}

function optionalWholeNumber(min: number, max: number, metadata: { description: string; default?: number }) {
  return z
    .unknown()
    .transform((value, context) => {
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : NaN;
      if (number >= min && number <= max) return number;
      return refuse(context, value, `one whole number from ${min} to ${max}`);
    })
    .optional()
    .meta({ type: 'integer', minimum: min, ...(max < LATEST_MS ? { maximum: max } : {}), ...metadata });
}

/** `true` or `false`. */
export function truthOr(defaultValue: boolean, description: string) {
  return z
    .unknown()
    .transform((value, context) => {
      if (value === 'true' || value === 'false') return value === 'true';
      return refuse(context, value, 'true or false');
    })
    .optional()
    .meta({ type: 'boolean', default: defaultValue, description })
    .transform((value) => value ?? defaultValue);
}

/** Any text of 1 to `max` characters; undefined when it is missing. */
export function text(max: number, description: string) {
  return z
    .unknown()
    .transform((value, context) => {
      if (typeof value === 'string' && value !== '' && value.length <= max) return value;
      return refuse(context, value, `one text of 1 to ${max} characters`);
    })
    .optional()
    .meta({ type: 'string', minLength: 1, maxLength: max, description });
}

/** Text that matches `pattern`; undefined when it is missing. `allowed` describes the pattern in error messages. */
export function textOf(pattern: RegExp, allowed: string, description: string) {
  return z
    .unknown()
    .transform((value, context) => {
      if (typeof value === 'string' && pattern.test(value)) return value;
      return refuse(context, value, allowed);
    })
    .optional()
    .meta({ type: 'string', pattern: pattern.source, description });
}

/** The name of a camera in a path. */
export const cameraName = z
  .string()
  .transform((value) => checkCameraName(value))
  .meta({ type: 'string', pattern: CAMERA_NAME.source, description: 'Name of the camera.' });

/** A number in a path that names an entry of a list. */
export function listedId(description: string) {
  return z
    .string()
    .transform((value, context) => {
      if (/^\d{1,15}$/.test(value)) return Number(value);
      return refuse(context, value, 'a number from the list');
    })
    .meta({ type: 'integer', minimum: 0, description });
}

/** The id of an annotation in a path. */
export const annotationId = z
  .string()
  .transform((value, context) => {
    if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return value;
    return refuse(context, value, 'a UUID in lower case, as in AnnotateResponse.id and in the list');
  })
  .meta({ type: 'string', format: 'uuid', description: 'Id of the annotation, in lower case.' });

export interface TimeRange {
  /** Milliseconds since the epoch, inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** `from` and `to`, both optional. `checkTimeRange` turns them into a range. */
export const timeRangeQuery = {
  from: wholeNumberOr(0, 0, LATEST_MS, 'Start of the range, milliseconds since the epoch, inclusive. 0: the oldest.'),
  to: wholeNumberOr(0, 0, LATEST_MS, 'End of the range, milliseconds since the epoch, inclusive. 0: the newest.'),
};

/** Throws invalid_argument when the range ends before it begins. */
export function checkTimeRange({ from, to }: { readonly from: number; readonly to: number }): TimeRange {
  if (to > 0 && from > to) {
    throw new ChrysError('invalid_argument', `from (${from}) is later than to (${to}): exchange them.`);
  }
  return { fromMs: from, toMs: to === 0 ? LATEST_MS : to };
}

function refuse(context: z.RefinementCtx, value: unknown, allowed: string): never {
  context.addIssue({ code: 'custom', message: allowed, input: value });
  return z.NEVER;
}
