import { z } from 'zod';
import { allowedText, shownValue } from '../../base/allowed.js';
import { ChrysError } from '../../base/errors.js';
import { didYouMean, nearest } from '../../base/suggest.js';
import { MIN_SPEED, MAX_SPEED } from '../../cameras/source/replay-url.js';
import { configSchema } from '../../config/schema.js';
import { LATEST_MS } from '../http/query.js';

const MAX_URL_CHARACTERS = 4096;
const MAX_KEY_CHARACTERS = 1024;
const MAX_CLIP_NAME_CHARACTERS = 128;
const MIN_PROBE_MS = 100;
const MAX_PROBE_MS = 600_000;

const cameraKeys = configSchema.shape.camera.unwrap().shape;
/** Milliseconds since the epoch. */
const moment = z.int().min(1).max(LATEST_MS);
const ignored = z.unknown().optional();
const key = z.string().max(MAX_KEY_CHARACTERS);

const rtmpUrl = z
  .string()
  .max(MAX_URL_CHARACTERS)
  .refine(isRtmpUrl, 'an rtmp:// or rtmps:// URL, with its password if it has one, or "" for none');

/** What a camera is added with. Fields that only an answer has are ignored, so that an old answer can be sent back. */
export const cameraBody = z.strictObject({
  name: z.string().nullish(),
  rtsp_endpoint: z
    .string()
    .min(1)
    .max(MAX_URL_CHARACTERS)
    .refine((url) => !isMasked(url), 'the URL with its password, and not the masked one of an answer'),
  rtmp_endpoint: rtmpUrl.nullish(),
  transport: cameraKeys.transport.unwrap().nullish(),
  tls_verify: cameraKeys.tls_verify.unwrap().nullish(),
  max_pixels: cameraKeys.max_pixels.unwrap().nullish(),
  open_timeout_ms: cameraKeys.open_timeout_ms.unwrap().nullish(),
  stall_timeout_ms: cameraKeys.stall_timeout_ms.unwrap().nullish(),
  decoder_threads: cameraKeys.decoder_threads.unwrap().nullish(),
  record: z.boolean().nullish(),
  record_audio: z.boolean().nullish(),
  replay: z.null().optional(),
  image_tag: ignored,
  container_id: ignored,
  status: ignored,
  state: ignored,
  logs: ignored,
  created: ignored,
  modified: ignored,
  rtmp_stream_status: ignored,
  upgrade_available: ignored,
  chrysproxy: ignored,
});

/** The same of one that plays what is recorded of another one. */
export const replayCameraBody = cameraBody.extend({ rtsp_endpoint: z.null().optional(), replay: ignored });

/** What of it. How long the range may be is checked later. */
export const replayBody = z.strictObject({
  camera: z.string(),
  from: moment,
  to: moment,
  speed: z.number().min(MIN_SPEED).max(MAX_SPEED).nullish(),
  loop: z.boolean().nullish(),
});

/**
 * What can be changed of a camera; `null` for `record` = as buffer.on_disk says, for `max_pixels` = as camera.max_pixels
 * says, for `rtmp_endpoint` = none.
 */
export const cameraChanges = z.strictObject({
  transport: cameraKeys.transport.unwrap().optional(),
  tls_verify: cameraKeys.tls_verify.unwrap().optional(),
  max_pixels: z.union([cameraKeys.max_pixels.unwrap(), z.null()]).optional(),
  record: z.union([z.boolean(), z.null()]).optional(),
  record_audio: z.boolean().optional(),
  rtmp_endpoint: z.union([rtmpUrl, z.null()]).optional(),
  passthrough: z.boolean().optional(),
  storage: z.boolean().optional(),
});

/** The stream to probe, and how. */
export const probeBody = z.strictObject({
  rtsp_endpoint: cameraBody.shape.rtsp_endpoint,
  transport: cameraBody.shape.transport,
  tls_verify: cameraBody.shape.tls_verify,
  timeout_ms: z.int().min(MIN_PROBE_MS).max(MAX_PROBE_MS).nullish(),
});

/** `forget`: forget what was learnt about the camera. */
export const retryBody = z.strictObject({ forget: z.boolean().nullish() });

/** A part of a recording that is to be kept. */
export const clipBody = z.strictObject({
  name: z
    .string()
    .refine(isClipName, `1 to ${MAX_CLIP_NAME_CHARACTERS} characters, no control characters, no blanks at its ends`),
  from: moment,
  to: moment,
});

/** The original has more settings than these two keys; they mean nothing here and are ignored. */
export const settingsBody = z.looseObject({
  name: z.literal('default').nullish(),
  edge_key: key,
  edge_secret: key,
  created: ignored,
  modified: ignored,
});

/** Checks a body. Throws invalid_argument that names every field that is wrong, with its value and what is allowed. */
export function parseBody<T extends z.ZodObject>(schema: T, body: unknown): z.output<T> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ChrysError(
      'invalid_argument',
      'The body must be a JSON object with fields, and it is empty or something else.',
    );
  }
  const known = Object.keys(schema.shape);
  const parsed = schema.safeParse(body);
  const problems = [
    ...misspelled(body, known),
    ...(parsed.error?.issues ?? []).flatMap((issue) => describe(issue, body as Record<string, unknown>, known)),
  ];
  if (problems.length > 0 || !parsed.success) {
    throw new ChrysError('invalid_argument', [...new Set(problems)].join(' '));
  }
  return parsed.data;
}

function describe(issue: z.core.$ZodIssue, body: Record<string, unknown>, known: readonly string[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((field) => unknownField(field, known));
  }
  const field = String(issue.path[0] ?? '');
  if (body[field] === undefined) {
    return [`${field} is missing.`];
  }
  return [`${field}: ${shownValue(field, body[field])} is not allowed; allowed is ${allowedText(issue)}.`];
}

/** Fields of a loose body that are nearly known ones. */
function misspelled(body: object, known: readonly string[]): string[] {
  return Object.keys(body)
    .filter((field) => !known.includes(field) && nearest(field, known) !== undefined)
    .map((field) => unknownField(field, known));
}

function unknownField(field: string, known: readonly string[]): string {
  return `${shownValue('', field)} is not a known field.${didYouMean(field, known)}`;
}

function isMasked(url: string): boolean {
  return url.includes(':***@');
}

function isClipName(name: string): boolean {
  const { length } = name;
  return length >= 1 && length <= MAX_CLIP_NAME_CHARACTERS && name === name.trim() && !/\p{Cc}/u.test(name);
}

function isRtmpUrl(url: string): boolean {
  return url === '' || (/^rtmps?:\/\/[^/]/i.test(url) && URL.canParse(url) && !isMasked(url));
}
