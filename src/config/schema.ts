import { isIP } from 'node:net';
import { z } from 'zod';
import { DURATION_FORMS, parseDurationMs } from '../base/duration.js';

/** Schemes of camera URLs that this version can open. */
export const KNOWN_SCHEMES = ['rtsp', 'rtsps', 'file', 'replay'] as const;
export type SourceScheme = (typeof KNOWN_SCHEMES)[number];

/** What an event for the webhook can be about. */
export const WEBHOOK_EVENTS = ['camera', 'recording', 'annotations', 'passthrough', 'redis'] as const;

/** Which frames of all cameras go to Redis. `demand`: only those that a program there asks for. */
export const PUBLISHED_FRAMES = ['off', 'demand', 'keyframes', 'interval', 'all'] as const;

/** How RTP comes in. */
export const TRANSPORTS = ['auto', 'tcp', 'udp'] as const;
/** How the certificate of an rtsps camera is checked. */
export const TLS_VERIFY = ['verify', 'pin', 'none'] as const;

/** Width times height. */
const DEFAULT_MAX_PIXELS = 8192 * 4320;
const MIN_MAX_PIXELS = 1024;
const MAX_MAX_PIXELS = 16_384 * 16_384;

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;
const SCALE_SIDE = /^(?:-[12]|[1-9]\d{0,4}|i[wh](?:[*/][1-9]\d{0,2})?)$/;
const NICKNAMES = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'];
const CRON_FIELD = /^[\d*?LW#A-Za-z,/-]+$/;

const port = z.int().min(0).max(65535);
const text = z.string();
const positive = (most: number): z.ZodInt => z.int().min(1).max(most);
/** 0 = none. */
const byteLimit = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const host = z
  .string()
  .refine((value) => isIP(value) !== 0 || HOST_NAME.test(value), 'an IP address or a host name, without a port');
const hostAndPort = z.string().refine((value) => value === '' || isHostAndPort(value), '"host:port", or "" for none');
const httpUrl = z.string().refine(isHttpUrl, 'an http:// or https:// URL');
const optionalHttpUrl = z
  .string()
  .refine((value) => value === '' || isHttpUrl(value), 'an http:// or https:// URL, or "" for none');
const duration = z
  .string()
  .refine((value) => (parseDurationMs(value) ?? 0) > 0, `a duration such as ${DURATION_FORMS}`);
const scale = z
  .string()
  .refine(isScale, '"width:height", each a number of pixels, -1 (keep the aspect), or iw, ih, iw/2, ih*2 …');
const schedule = z
  .string()
  .refine(isSchedule, `"@every <duration>" (${DURATION_FORMS}), a cron pattern of 5 or 6 fields, or @hourly, @daily …`);

const redisPrefix = z
  .string()
  .refine((value) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value), '1 to 64 of the characters A-Z a-z 0-9 . _ -');

/** Every key of conf.yaml, under the name it has there, with its default. config/default.yaml says what each means. */
export const configSchema = z.strictObject({
  version: z.union([z.string(), z.number().transform(String)]).default(''),
  title: text.default(''),
  description: text.default(''),
  mode: z.enum(['release', 'debug']).default('release'),
  host: host.default('127.0.0.1'),
  port: port.default(8080),
  grpc_port: port.default(50001),
  max_cameras: positive(4096).default(256),
  camera: z
    .strictObject({
      transport: z.enum(TRANSPORTS).default('auto'),
      tls_verify: z.enum(TLS_VERIFY).default('pin'),
      max_pixels: z.int().min(MIN_MAX_PIXELS).max(MAX_MAX_PIXELS).default(DEFAULT_MAX_PIXELS),
      open_timeout_ms: z.int().min(500).max(120_000).default(10_000),
      stall_timeout_ms: z.int().min(500).max(600_000).default(5000),
      decoder_threads: positive(16).default(1),
    })
    .prefault({}),
  sources: z.strictObject({ schemes: z.array(z.enum(KNOWN_SCHEMES)).min(1).optional() }).prefault({}),
  tls: z
    .strictObject({
      cert: text.default(''),
      key: text.default(''),
      client_ca: text.default(''),
      require_client_cert: z.union([z.boolean(), z.enum(['grpc', 'rest'])]).default(false),
    })
    .prefault({}),
  redis: z
    .strictObject({
      connection: hostAndPort.default(''),
      database: z.int().min(0).max(1_000_000).default(0),
      password: text.default(''),
      prefix: redisPrefix.default('chrysproxy'),
      annotation_queue: redisPrefix.default('chrysproxy'),
      publish_frames: z.enum(PUBLISHED_FRAMES).default('off'),
      publish_interval_ms: z.int().min(40).max(3_600_000).default(1000),
    })
    .prefault({}),
  api: z.strictObject({ endpoint: httpUrl.default('https://api.chryscloud.com') }).prefault({}),
  annotation: z
    .strictObject({
      endpoint: httpUrl.default('https://event.chryscloud.com/api/v1/annotate'),
      unacked_limit: positive(1_000_000).default(1000),
      poll_duration_ms: positive(3_600_000).default(300),
      max_batch_size: positive(100_000).default(299),
      mode: z.enum(['cloud', 'local']).default('cloud'),
      max_queue: positive(100_000_000).default(1_000_000),
      keep: duration.default('7d'),
      timeout_ms: z.int().min(1000).max(600_000).default(30_000),
      evidence_max_ms: positive(600_000).default(60_000),
      evidence_max_bytes: z.int().min(1_048_576).max(Number.MAX_SAFE_INTEGER).default(1_073_741_824),
      send_evidence: z.boolean().default(false),
    })
    .prefault({}),
  webhook: z
    .strictObject({
      url: optionalHttpUrl.default(''),
      events: z
        .array(z.enum(WEBHOOK_EVENTS))
        .min(1)
        .default([...WEBHOOK_EVENTS]),
      max_queue: positive(1_000_000).default(10_000),
      timeout_ms: z.int().min(1000).max(600_000).default(10_000),
    })
    .prefault({}),
  buffer: z
    .strictObject({
      in_memory: positive(100_000).default(1),
      in_memory_max_bytes: z.int().min(1_048_576).max(4_294_967_296).default(67_108_864),
      in_memory_scale: scale.default('-1:-1'),
      on_disk: z.boolean().default(false),
      /** Without a value: the folder `archive` in the data directory. */
      on_disk_folder: z.string().min(1).optional(),
      on_disk_clean_older_than: duration.default('5m'),
      on_disk_schedule: schedule.default('@every 5m'),
      on_disk_max_bytes: byteLimit.default(0),
      on_disk_max_bytes_total: byteLimit.default(0),
      on_disk_min_free_bytes: byteLimit.default(0),
      segment_min_ms: z.int().min(0).max(600_000).default(0),
    })
    .prefault({}),
});

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The configuration in force: checked, with defaults, frozen. Its keys are those of conf.yaml. */
export type Config = Frozen<z.output<typeof configSchema>>;

function isHttpUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

function isHostAndPort(value: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const name = match?.[1] ?? match?.[2] ?? '';
  const number = Number(match?.[3] ?? 0);
  return (isIP(name) !== 0 || HOST_NAME.test(name)) && number >= 1 && number <= 65535;
}

function isScale(value: string): boolean {
  const sides = value.split(':');
  return sides.length === 2 && sides.every((side) => SCALE_SIDE.test(side));
}

/** Only the form is checked. Which moments a cron pattern names is for the code that keeps the schedule. */
function isSchedule(value: string): boolean {
  if (NICKNAMES.includes(value.trim())) {
    return true;
  }
  const every = /^@every\s+(\S+)$/.exec(value.trim())?.[1];
  if (every !== undefined) {
    return (parseDurationMs(every) ?? 0) > 0;
  }
  const fields = value.trim().split(/\s+/);
  return (fields.length === 5 || fields.length === 6) && fields.every((field) => CRON_FIELD.test(field));
}
