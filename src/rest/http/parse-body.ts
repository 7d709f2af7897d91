import type { z } from 'zod';
import { allowedText, shownValue } from '../../base/allowed.js';
import { ChrysError } from '../../base/errors.js';
import { didYouMean, nearest } from '../../base/suggest.js';

/** Checks a body. Throws invalid_argument that names every wrong field, with its value and what is allowed. */
export function parseBody<T extends z.ZodObject>(schema: T, body: unknown): z.output<T> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ChrysError(
      'invalid_argument',
      'The body must be a JSON object with fields; this one is empty or something else.',
    );
  }
  const known = Object.keys(schema.shape);
  const parsed = schema.safeParse(body);
  const problems = [
    ...misspelled(body, known),
    ...(parsed.error?.issues ?? []).flatMap((issue) => describe(issue, body as Record<string, unknown>, known)),
  ];
  if (problems.length > 0 || !parsed.success) {
    throw new ChrysError('invalid_argument', [...new Set(problems)].join(' '));
  }
  return parsed.data;
}

function describe(issue: z.core.$ZodIssue, body: Record<string, unknown>, known: readonly string[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((field) => unknownField(field, known));
  }
  const field = String(issue.path[0] ?? '');
  if (body[field] === undefined) {
    return [`${field} is missing.`];
  }
  return [`${field}: ${shownValue(field, body[field])} is not allowed; allowed is ${allowedText(issue)}.`];
}

/** Unknown fields of a loose body that resemble a known field. */
function misspelled(body: object, known: readonly string[]): string[] {
  return Object.keys(body)
    .filter((field) => !known.includes(field) && nearest(field, known) !== undefined)
    .map((field) => unknownField(field, known));
}

function unknownField(field: string, known: readonly string[]): string {
  return `${shownValue('', field)} is not a known field.${didYouMean(field, known)}`;
}
