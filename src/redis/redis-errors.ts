import { MultiErrorReply } from 'redis';

import { messageOf } from '../base/errors.js';

/** What Redis says; of a transaction, what it says of the first command that failed. */
export function redisMessageOf(error: unknown): string {
  if (!(error instanceof MultiErrorReply)) return messageOf(error);
  const [first] = error.errors();
  return messageOf(first ?? error);
}
