import { Router, type Request } from 'express';
import { z } from 'zod';
import type { ShownAnnotation } from '../../annotations/annotation.js';
import type { Annotations } from '../../annotations/types.js';
import { ChrysError } from '../../base/errors.js';
import type { ItemPosition } from '../../outbox/item.js';
import type { OutboxStatus, SharedQueueStatus } from '../../outbox/types.js';
import { onlyMethods } from '../http/answers.js';
import { annotationOf, evidenceAnswer, evidenceRoutes, type EvidenceParts } from './evidence.js';
import { parseBody } from './bodies.js';
import { jsonBody } from '../http/json-body.js';
import { text, timeRange, wholeNumber } from '../http/query.js';

export interface AnnotationParts extends EvidenceParts {
  readonly annotations: Annotations;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const MAX_NAME_CHARACTERS = 1024;
const MAX_IDS = 1000;

const chosenBody = z.strictObject({
  ids: z.array(z.uuid()).min(1).max(MAX_IDS).optional(),
  all: z.literal(true).optional(),
});

/** Annotations and how their delivery fares. `base` is where the interface begins. */
export function annotationRoutes(base: string, parts: AnnotationParts): Router {
  const { annotations } = parts;
  const router = Router({ caseSensitive: true });
  router
    .route(`${base}/annotations`)
    .get(async (req, res) => void res.json(await listAnswer(req, annotations)))
    .all(onlyMethods('GET'));
  router
    .route(`${base}/annotations/status`)
    .get(async (_req, res) => void res.json(statusAnswer(await annotations.status())))
    .all(onlyMethods('GET'));
  router
    .route(`${base}/annotations/set-aside`)
    .get(async (req, res) => void res.json(await setAsideAnswer(req, annotations)))
    .all(onlyMethods('GET'));
  for (const how of ['requeue', 'discard'] as const) {
    router
      .route(`${base}/annotations/set-aside/${how}`)
      .post(jsonBody, async (req, res) => {
        // A million of them takes longer than a connection may be idle.
        req.socket.setTimeout(0);
        const count = await annotations.handleRefused(how, wantedIds(req.body));
        res.json(how === 'requeue' ? { requeued: count } : { discarded: count });
      })
      .all(onlyMethods('POST'));
  }
  // Behind the routes above: an id is a word as they are.
  router
    .route(`${base}/annotations/:id`)
    .get(async (req, res) => void res.json(listed(await annotationOf(req, annotations))))
    .all(onlyMethods('GET'));
  router.use(evidenceRoutes(base, parts));
  return router;
}

/** Times are milliseconds since the epoch; null = there is none. */
function statusAnswer(status: OutboxStatus) {
  return {
    mode: status.mode,
    queued: status.queued,
    in_flight: status.inFlight,
    delivered: status.delivered,
    set_aside: status.setAside,
    kept: status.kept,
    oldest_age_ms: status.oldestAgeMs ?? null,
    paused: status.paused === '' ? null : status.paused,
    next_attempt: status.nextAttemptMs === 0 ? null : status.nextAttemptMs,
    last_error: status.lastError === '' ? null : status.lastError,
    last_error_at: status.lastErrorMs === 0 ? null : status.lastErrorMs,
    redis: status.redis === undefined ? null : redisAnswer(status.redis),
  };
}

function redisAnswer({ connected, message, shared, sender }: SharedQueueStatus) {
  return { connected, message: message === '' ? null : message, shared, sender };
}

export type AnnotationsAnswer = ReturnType<typeof statusAnswer>;

async function listAnswer({ query }: Request, annotations: Annotations) {
  const page = await annotations.list({
    camera: text(query, 'camera', MAX_NAME_CHARACTERS),
    type: text(query, 'type', MAX_NAME_CHARACTERS),
    ...timeRange(query),
    after: placeOf(query),
    limit: wholeNumber(query, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT,
  });
  return { annotations: page.items.map(listed), next: page.next === undefined ? null : placeText(page.next) };
}

async function setAsideAnswer({ query }: Request, annotations: Annotations) {
  const after = wholeNumber(query, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const limit = wholeNumber(query, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT;
  const found = await annotations.refused(after, limit);
  const last = found.at(-1);
  // A page may be shorter than its limit because it has long annotations: only an empty one is the end for certain.
  return { annotations: found.map(listed), next: last?.seq ?? null };
}

export type SetAsideAnswer = Awaited<ReturnType<typeof setAsideAnswer>>;

function listed({ id, camera, type, startMs, storedMs, state, doneMs, reason, json, evidence }: ShownAnnotation) {
  return {
    id,
    camera,
    type,
    start_timestamp: startMs,
    state,
    stored: storedMs,
    ...(state === 'delivered' ? { delivered: doneMs } : {}),
    ...(state === 'set_aside' ? { set_aside: doneMs, reason } : {}),
    ...(evidence === undefined ? {} : { evidence: evidenceAnswer(evidence) }),
    annotation: JSON.parse(json) as unknown,
  };
}

export type AnnotationAnswer = ReturnType<typeof listed>;

/** Undefined: all. Throws invalid_argument. */
function wantedIds(value: unknown): readonly string[] | undefined {
  const { ids, all } = parseBody(chosenBody, value);
  if ((ids === undefined) === (all === undefined)) {
    const message = 'Say which annotations are meant: {"ids": ["…"]} names them, {"all": true} means all.';
    throw new ChrysError('invalid_argument', message);
  }
  return ids;
}

const PLACE = /^(\d{1,16})-(\d{1,16})$/;

function placeText({ startMs, seq }: ItemPosition): string {
  return `${startMs}-${seq}`;
}

function placeOf(query: Readonly<Record<string, unknown>>): ItemPosition | undefined {
  const value = text(query, 'after', 40);
  if (value === undefined) return undefined;
  const [, startMs, seq] = PLACE.exec(value) ?? [];
  if (startMs === undefined || seq === undefined) {
    throw new ChrysError('invalid_argument', 'after: allowed is only what an answer gave as "next".');
  }
  return { startMs: Number(startMs), seq: Number(seq) };
}
