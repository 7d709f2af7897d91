import { readFileSync } from 'node:fs';

/** The version in package.json, which is two folders above this file in both src and dist. */
export function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((content as { version: unknown }).version);
}
