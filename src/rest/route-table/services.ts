import { z } from 'zod';
import { PUBLISHED_FRAMES } from '../../config/schema.js';
import { EVENT_TYPES } from '../../events/event.js';
import { count, flag, queueFields, sentence, sentenceOrNull, time, timeOrNull } from './fields.js';
import { BASE, type RouteGroup, type Routes } from './route.js';

const MAX_KEY_CHARACTERS = 1024;

const endpointCheck = z
  .strictObject({
    of: z.enum(['annotations', 'storage', 'webhooks']).describe('What uses the endpoint.'),
    ok: flag('Whether the endpoint can be used.'),
    endpoint: z.string().describe('Its URL, the password masked.'),
    problem: z
      .enum([
        ...(['no_key', 'unknown_host', 'refused', 'unreachable', 'timeout', 'tls', 'broken_off'] as const),
        ...(['forbidden', 'redirect', 'rejected', 'server_error'] as const),
      ])
      .nullable()
      .describe('null: there is none.'),
    message: sentence('What was found and what to do.'),
    status: z.int().nullable().describe('HTTP status of the endpoint. null: it did not answer.'),
    took_ms: z.number().describe('Duration, milliseconds.'),
    clock_skew_ms: z
      .number()
      .nullable()
      .describe("How far the proxy's clock is ahead of the endpoint's `Date`, milliseconds. null: there is no `Date`."),
  })
  .meta({ id: 'EndpointCheck', description: 'The result of trying an endpoint.' });

const cloudCheck = z.strictObject({ ok: flag('Whether `ok` is true in all checks.'), checks: z.array(endpointCheck) });

const webhooksStatus = z
  .strictObject({
    url: z.string().nullable().describe('`webhook.url`, its password masked. null: there is no webhook.'),
    events: z.array(z.enum(EVENT_TYPES)).describe('`webhook.events`.'),
    ...queueFields,
    dropped: count('Events lost since the start, because `webhook.max_queue` was reached or the disk was full.'),
  })
  .meta({
    id: 'WebhooksStatus',
    description: 'How the delivery of events is doing. Times are milliseconds since the epoch.',
  });

const publishedCamera = z.strictObject({
  camera: z.string(),
  publishing: flag('Whether its frames are published at the moment.'),
  asked: z
    .enum(['keyframes', 'all'])
    .nullable()
    .describe('What programs request by their keys in Redis. null: nothing.'),
  published: count('Frames that Redis accepted.'),
  dropped: count('Frames that were replaced by newer ones because Redis was slow.'),
  message: sentenceOrNull('Why its frames are not published although they should be. null: they are.'),
});

const redisStatus = z
  .strictObject({
    connected: flag('Whether Redis is connected.'),
    connection: z.string().nullable().describe('`redis.connection`. null: there is no Redis.'),
    database: z.int().describe('`redis.database`.'),
    since: timeOrNull('Since when `connected` has its value.'),
    message: sentenceOrNull('Why Redis is not connected, or accepts no states and events. null: all is well.'),
    publish_frames: z.enum(PUBLISHED_FRAMES).describe('`redis.publish_frames`.'),
    cameras: z.array(publishedCamera).describe('Empty when `publish_frames` is `off`.'),
    events: z.strictObject({
      stored: count('Events in Redis.'),
      waiting: count('Events that wait for Redis.'),
      lost: count('Events that were lost because more than 1000 happened while Redis was away.'),
    }),
  })
  .meta({ id: 'RedisStatus', description: 'What is published to Redis. Times are milliseconds since the epoch.' });

const settings = z
  .strictObject({
    name: z.string(),
    edge_key: z.string().describe('Only its beginning, such as `abcd***`; empty: there is none.'),
    edge_secret: z.string().describe('`***`; empty: there is none.'),
    created: time('When the keys were first set. 0: never.'),
    modified: time('When the keys were last set. 0: never.'),
  })
  .meta({ id: 'Settings', description: 'The keys for the cloud, masked. Times are milliseconds since the epoch.' });

const key = z.string().max(MAX_KEY_CHARACTERS);
const ignored = z.unknown().optional();

/** The original has more settings; they are ignored. */
const settingsBody = z
  .looseObject({
    name: z.literal('default').nullish(),
    edge_key: key.describe('"": remove it. A key that is sent back as it was answered stays as it is.'),
    edge_secret: key.describe('"": remove it. `***`: it stays as it is.'),
    created: ignored,
    modified: ignored,
  })
  .meta({ id: 'NewSettings', description: 'The keys for the cloud.' });

export type CloudCheckAnswer = z.output<typeof cloudCheck>;
export type WebhooksAnswer = z.output<typeof webhooksStatus>;
export type RedisStatusAnswer = z.output<typeof redisStatus>;
export type SettingsAnswer = z.output<typeof settings>;
export type SettingsBody = z.output<typeof settingsBody>;

export const cloudRoutes = {
  checkCloud: {
    method: 'post',
    path: `${BASE}/cloud/check`,
    role: 'operator',
    summary: 'Try the endpoints that the proxy sends to',
    description:
      'Tries the endpoint of annotations with an empty, signed batch; `api.endpoint` with a stream that does not exist, when a camera has an RTMP endpoint; and `webhook.url`, when there is one.',
    answer: { status: 200, description: 'What was found.', schema: cloudCheck },
  },
  getSettings: {
    method: 'get',
    path: `${BASE}/settings`,
    role: 'admin',
    summary: 'Show the keys for the cloud, masked',
    answer: { status: 200, description: 'The keys.', schema: settings },
  },
  saveSettings: {
    method: 'post',
    path: `${BASE}/settings`,
    role: 'admin',
    summary: 'Set the keys for the cloud',
    description: 'New keys are used at once.',
    body: { schema: settingsBody },
    answer: { status: 200, description: 'The keys, masked.', schema: settings },
  },
} as const satisfies Routes;

export const webhookRoutes = {
  getWebhooksStatus: {
    method: 'get',
    path: `${BASE}/webhooks/status`,
    role: 'viewer',
    summary: 'Show how the delivery of events is doing',
    answer: { status: 200, description: 'The status.', schema: webhooksStatus },
  },
  testWebhook: {
    method: 'post',
    path: `${BASE}/webhooks/test`,
    role: 'operator',
    summary: 'Send a test event',
    answer: {
      status: 200,
      description: 'The event is queued.',
      schema: z.strictObject({ id: z.string().describe('Id of the event.') }),
    },
    errors: { failed_precondition: 'There is no webhook.' },
  },
} as const satisfies Routes;

export const redisRoutes = {
  getRedisStatus: {
    method: 'get',
    path: `${BASE}/redis/status`,
    role: 'viewer',
    summary: 'Show what is published to Redis',
    answer: { status: 200, description: 'The status.', schema: redisStatus },
  },
} as const satisfies Routes;

export const serviceGroups: readonly RouteGroup[] = [
  { title: 'Cloud', description: 'The keys for the cloud, and whether it can be reached.', routes: cloudRoutes },
  {
    title: 'Webhooks',
    description: '[The guide](../guide/webhooks.md) explains which events are sent.',
    routes: webhookRoutes,
  },
  { title: 'Redis', description: '[The guide](../guide/redis.md) explains what is in Redis.', routes: redisRoutes },
];
