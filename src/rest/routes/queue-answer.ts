import type { OutboxStatus } from '../../outbox/types.js';

type QueueStatus = Pick<
  OutboxStatus,
  'queued' | 'inFlight' | 'delivered' | 'oldestAgeMs' | 'paused' | 'nextAttemptMs' | 'lastError' | 'lastErrorMs'
>;

/** The fields that the statuses of annotations and webhooks have in common. */
export function queueAnswer(queue: QueueStatus) {
  return {
    queued: queue.queued,
    in_flight: queue.inFlight,
    delivered: queue.delivered,
    oldest_age_ms: queue.oldestAgeMs ?? null,
    paused: queue.paused === '' ? null : queue.paused,
    next_attempt: queue.nextAttemptMs === 0 ? null : queue.nextAttemptMs,
    last_error: queue.lastError === '' ? null : queue.lastError,
    last_error_at: queue.lastErrorMs === 0 ? null : queue.lastErrorMs,
  };
}
