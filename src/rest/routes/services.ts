import { ChrysError } from '../../base/errors.js';
import type { Clock } from '../../base/clock.js';
import type { EndpointCheck } from '../../cloud/endpoint-check.js';
import type { Webhooks, WebhooksStatus } from '../../events/webhooks.js';
import type { Publisher, PublisherStatus } from '../../redis-publisher/types.js';
import type { Handlers } from '../http/router.js';
import type {
  CloudCheckAnswer,
  cloudRoutes,
  redisRoutes,
  RedisStatusAnswer,
  webhookRoutes,
  WebhooksAnswer,
} from '../route-table/services.js';
import { queueAnswer } from './queue-answer.js';
import { saveSettings, settingsAnswer, type SettingsParts } from './settings.js';

type CheckedService = CloudCheckAnswer['checks'][number]['of'];

/** An endpoint that the proxy sends to. */
export interface CloudCheck {
  readonly of: CheckedService;
  check(): Promise<EndpointCheck>;
}

export interface CloudParts extends SettingsParts {
  /** The endpoints that are in use at the moment. */
  readonly cloudChecks: () => readonly CloudCheck[];
  readonly clock: Clock;
}

export interface WebhookParts {
  /** Undefined: there is no webhook. */
  readonly webhooks: Webhooks | undefined;
}

export interface RedisParts {
  /** Undefined: there is no Redis. */
  readonly redisPublisher: Publisher | undefined;
}

const NO_WEBHOOK = 'There is no webhook, because webhook.url is empty: set it, and start the proxy again.';

const NO_REDIS: PublisherStatus = {
  connected: false,
  connection: '',
  database: 0,
  sinceMs: 0,
  message: 'There is no Redis, because redis.connection is empty.',
  publishFrames: 'off',
  cameras: [],
  events: { stored: 0, waiting: 0, lost: 0 },
};

export function cloudHandlers(parts: CloudParts): Handlers<typeof cloudRoutes> {
  return {
    checkCloud: async ({ req }) => {
      // The checks can take longer than a connection may be idle.
      req.socket.setTimeout(0);
      const checks = await Promise.all(
        parts.cloudChecks().map(async (each) => checkAnswer(each.of, await each.check())),
      );
      return { ok: checks.every(({ ok }) => ok), checks };
    },
    getSettings: () => settingsAnswer(parts.settings.get()),
    saveSettings: ({ body }) => settingsAnswer(saveSettings(body, parts)),
  };
}

export function webhookHandlers({ webhooks }: WebhookParts): Handlers<typeof webhookRoutes> {
  return {
    getWebhooksStatus: async () => (webhooks === undefined ? NO_WEBHOOKS : webhooksAnswer(await webhooks.status())),
    testWebhook: async () => {
      if (webhooks === undefined) throw new ChrysError('failed_precondition', NO_WEBHOOK);
      return { id: await webhooks.test() };
    },
  };
}

export function redisHandlers({ redisPublisher }: RedisParts): Handlers<typeof redisRoutes> {
  return { getRedisStatus: () => redisAnswer(redisPublisher?.status() ?? NO_REDIS) };
}

function checkAnswer(of: CheckedService, check: EndpointCheck): CloudCheckAnswer['checks'][number] {
  const { endpoint, problem, message, status, tookMs, clockSkewMs } = check;
  return {
    of,
    ok: problem === undefined,
    endpoint,
    problem: problem ?? null,
    message,
    status: status === 0 ? null : status,
    took_ms: tookMs,
    clock_skew_ms: clockSkewMs ?? null,
  };
}

const NO_WEBHOOKS: WebhooksAnswer = {
  url: null,
  events: [],
  queued: 0,
  in_flight: 0,
  delivered: 0,
  oldest_age_ms: null,
  paused: NO_WEBHOOK,
  next_attempt: null,
  last_error: null,
  last_error_at: null,
  dropped: 0,
};

function webhooksAnswer({ url, events, queue, dropped }: WebhooksStatus): WebhooksAnswer {
  return { url, events: [...events], ...queueAnswer(queue), dropped };
}

function redisAnswer(status: PublisherStatus): RedisStatusAnswer {
  return {
    connected: status.connected,
    connection: status.connection === '' ? null : status.connection,
    database: status.database,
    since: status.sinceMs === 0 ? null : status.sinceMs,
    message: status.message === '' ? null : status.message,
    publish_frames: status.publishFrames,
    cameras: status.cameras.map(({ camera, publishing, requested, published, dropped, message }) => ({
      camera,
      publishing,
      asked: requested === 'nothing' ? null : requested,
      published,
      dropped,
      message: message === '' ? null : message,
    })),
    events: status.events,
  };
}
