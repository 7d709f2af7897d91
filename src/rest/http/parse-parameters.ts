import type { z } from 'zod';
import { ChrysError } from '../../base/errors.js';

const MAX_SHOWN_CHARACTERS = 40;

/**
 * Checks the parameters of a path or a query. Throws invalid_argument that names the first wrong parameter, with its value
 * and what is allowed.
 */
export function parseParameters<T extends z.ZodObject>(
  schema: T,
  values: Readonly<Record<string, unknown>>,
): z.output<T> {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? '');
  if (values[name] === undefined) {
    throw new ChrysError('invalid_argument', `${name} is missing; allowed is ${issue?.message ?? ''}.`);
  }
  const shown = JSON.stringify(values[name]).slice(0, MAX_SHOWN_CHARACTERS);
  throw new ChrysError('invalid_argument', `${name}: ${shown} is not allowed; allowed is ${issue?.message ?? ''}.`);
}
