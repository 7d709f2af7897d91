import { readFileSync } from 'node:fs';

/** The version in package.json, which lies two folders above this file, compiled or not. */
export function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((content as { version: unknown }).version);
}
