import { Router } from 'express';
import { ChrysError } from '../../base/errors.js';
import type { Webhooks, WebhooksStatus } from '../../events/webhooks.js';
import { onlyMethods } from '../http/answers.js';

export interface WebhookParts {
  /** Undefined: events go nowhere. */
  readonly webhooks: Webhooks | undefined;
}

/** Events that are posted to the operator. `base` is where the interface begins. */
export function webhookRoutes(base: string, { webhooks }: WebhookParts): Router {
  const router = Router({ caseSensitive: true });
  router
    .route(`${base}/webhooks/status`)
    .get(async (_req, res) => void res.json(statusAnswer(await webhooks?.status())))
    .all(onlyMethods('GET'));
  router
    .route(`${base}/webhooks/test`)
    .post(async (_req, res) => {
      if (webhooks === undefined) throw new ChrysError('failed_precondition', NO_WEBHOOK);
      res.json({ id: await webhooks.test() });
    })
    .all(onlyMethods('POST'));
  return router;
}

const NO_WEBHOOK = 'There is no webhook, because webhook.url is empty: set it, and start the proxy again.';

/** Times are milliseconds since the epoch; null = there is none. */
function statusAnswer(status: WebhooksStatus | undefined) {
  const queue = status?.queue;
  return {
    url: status?.url ?? null,
    events: status?.events ?? [],
    queued: queue?.queued ?? 0,
    in_flight: queue?.inFlight ?? 0,
    delivered: queue?.delivered ?? 0,
    dropped: status?.dropped ?? 0,
    oldest_age_ms: queue?.oldestAgeMs ?? null,
    paused: queue === undefined ? NO_WEBHOOK : queue.paused === '' ? null : queue.paused,
    next_attempt: queue === undefined || queue.nextAttemptMs === 0 ? null : queue.nextAttemptMs,
    last_error: queue === undefined || queue.lastError === '' ? null : queue.lastError,
    last_error_at: queue === undefined || queue.lastErrorMs === 0 ? null : queue.lastErrorMs,
  };
}

export type WebhooksAnswer = ReturnType<typeof statusAnswer>;
