import { MultiErrorReply } from 'redis';

import { messageOf } from '../base/errors.js';

/** The message of a Redis error. For a transaction, the message of the first command that failed. */
export function redisMessageOf(error: unknown): string {
  if (!(error instanceof MultiErrorReply)) return messageOf(error);
  const [first] = error.errors();
  return messageOf(first ?? error);
}
