import { createHash } from 'node:crypto';

/** The name of a camera that was added without one: the MD5 of its endpoint, as clients of the original compute it. */
export function nameOfEndpoint(rtspEndpoint: string): string {
  return createHash('md5').update(rtspEndpoint).digest('hex');
}
