import type { z } from 'zod';
import { isSecretKey, redact } from './redact.js';

type Issue = z.core.$ZodIssue;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text (in quotes when it looks like a number)',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
};

/** The values that are allowed where the issue arose, as the end of a sentence. */
export function allowedText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case 'too_small':
      return bound(issue.origin, 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, 'at most', issue.maximum);
    case 'invalid_value':
      return issue.values.length === 1
        ? JSON.stringify(issue.values[0])
        : `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return [...new Set(issue.errors.flat().map((inner) => allowedText(inner)))].join(', or ');
    default:
      return issue.message;
  }
}

/** A value as an error message shows it: short and masked. The value of a secret is not shown. */
export function shownValue(key: string, value: unknown): string {
  if (isSecretKey(key)) {
    return 'the given value';
  }
  const text = redact(value === undefined ? 'nothing' : JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function bound(origin: string, word: string, limit: number | bigint): string {
  if (origin === 'string') {
    return `${word} ${limit} characters`;
  }
  return origin === 'array' ? `${word} ${limit} entries` : `${word} ${limit}`;
}
