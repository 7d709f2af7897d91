import { createHash } from 'node:crypto';
import { ChrysError } from '../base/errors.js';

/** The original's names are those of Docker containers, so this loses none of them. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const NAME_RULE =
  "a camera's name has 1 to 128 of the characters A-Z a-z 0-9 . _ - and begins with a letter or a digit";

/** Gives the name back. Throws invalid_argument: it becomes part of paths and of page addresses, so it is kept plain. */
export function checkName(name: string): string {
  if (!NAME.test(name)) {
    throw new ChrysError('invalid_argument', `name: ${shortened(name)} is not allowed; ${NAME_RULE}.`);
  }
  return name;
}

/** The name of a camera that was added without one: the MD5 of its endpoint, as clients of the original compute it. */
export function nameOfEndpoint(rtspEndpoint: string): string {
  return createHash('md5').update(rtspEndpoint).digest('hex');
}

function shortened(name: string): string {
  const text = JSON.stringify(name);
  return text.length > 60 ? `${text.slice(0, 57)}…" (${name.length} characters)` : text;
}
