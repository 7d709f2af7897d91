import { z } from 'zod';

// Fields that many answers have. Times are milliseconds since the epoch, by the proxy's clock.

export const time = (description: string) => z.int().describe(description);
/** null when `description` says so. */
export const timeOrNull = (description: string) => z.int().nullable().describe(description);
export const count = (description: string) => z.int().min(0).describe(description);
export const flag = (description: string) => z.boolean().describe(description);
export const sentence = (description: string) => z.string().describe(description);
export const sentenceOrNull = (description: string) => z.string().nullable().describe(description);

/** How a queue of the outbox is doing. Annotations and webhooks have these fields in common. */
export const queueFields = {
  queued: count('Items that wait or are being sent.'),
  in_flight: count('Items of `queued` that are being sent.'),
  delivered: count('Items that were delivered since the database was created.'),
  oldest_age_ms: z.number().nullable().describe('How long the oldest item has waited, milliseconds. null: none waits.'),
  paused: sentenceOrNull('Why nothing is sent at the moment. null: it is sent.'),
  next_attempt: timeOrNull('When sending is tried again. null: nothing has to be tried again.'),
  last_error: sentenceOrNull('The last failure. null: there was none.'),
  last_error_at: timeOrNull('When the last failure happened. null: there was none.'),
};
