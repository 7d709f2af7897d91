import type { ShownAnnotation } from '../../annotations/annotation.js';
import type { Annotations } from '../../annotations/types.js';
import { ChrysError } from '../../base/errors.js';
import type { ItemPosition } from '../../outbox/item.js';
import type { OutboxStatus, SharedQueueStatus } from '../../outbox/types.js';
import type { Call, Handlers } from '../http/router.js';
import type {
  AnnotationAnswer,
  annotationRoutes,
  AnnotationsAnswer,
  ChosenAnnotations,
  SetAsideAnswer,
} from '../route-table/annotations.js';
import { checkTimeRange } from '../route-table/parameters.js';
import { evidenceAnswer, findAnnotation, sendEvidence, type EvidenceParts } from './evidence.js';
import { queueAnswer } from './queue-answer.js';

export interface AnnotationParts extends EvidenceParts {
  readonly annotations: Annotations;
}

type Table = typeof annotationRoutes;

export function annotationHandlers(parts: AnnotationParts): Handlers<Table> {
  const { annotations } = parts;
  return {
    listAnnotations: ({ query }) => listAnswer(query, annotations),
    getAnnotationsStatus: async () => statusAnswer(await annotations.status()),
    listSetAside: ({ query }) => setAsideAnswer(query, annotations),
    requeueSetAside: async ({ body, req }) => {
      // A million annotations take longer than a connection may be idle.
      req.socket.setTimeout(0);
      return { requeued: await annotations.handleRefused('requeue', chosenIds(body)) };
    },
    discardSetAside: async ({ body, req }) => {
      req.socket.setTimeout(0);
      return { discarded: await annotations.handleRefused('discard', chosenIds(body)) };
    },
    getAnnotation: async ({ params }) => listed(await findAnnotation(params.id, annotations)),
    getEvidenceClip: ({ params, req, res }) => sendEvidence(req, res, params.id, 'clip', parts),
    getEvidenceSnapshot: ({ params, req, res }) => sendEvidence(req, res, params.id, 'snapshot', parts),
  };
}

function statusAnswer(status: OutboxStatus): AnnotationsAnswer {
  return {
    mode: status.mode,
    ...queueAnswer(status),
    set_aside: status.setAside,
    kept: status.kept,
    redis: status.redis === undefined ? null : redisAnswer(status.redis),
  };
}

function redisAnswer({ connected, message, shared, sender }: SharedQueueStatus) {
  return { connected, message: message === '' ? null : message, shared, sender };
}

async function listAnswer(query: Call<Table['listAnnotations']>['query'], annotations: Annotations) {
  const { camera, type, after, limit } = query;
  const page = await annotations.list({
    camera,
    type,
    ...checkTimeRange(query),
    after: positionOf(after),
    limit,
  });
  return { annotations: page.items.map(listed), next: page.next === undefined ? null : positionText(page.next) };
}

async function setAsideAnswer(
  { after, limit }: Call<Table['listSetAside']>['query'],
  annotations: Annotations,
): Promise<SetAsideAnswer> {
  const found = await annotations.refused(after, limit);
  // A page can be shorter than its limit because its annotations are long. Only an empty page is certainly the last.
  return { annotations: found.map(listed), next: found.at(-1)?.seq ?? null };
}

function listed(annotation: ShownAnnotation): AnnotationAnswer {
  const { id, camera, type, startMs, storedMs, state, doneMs, reason, json, evidence } = annotation;
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

/** Ids of the chosen annotations; undefined: all. Throws invalid_argument. */
function chosenIds({ ids, all }: ChosenAnnotations): readonly string[] | undefined {
  if ((ids === undefined) === (all === undefined)) {
    const message =
      'The body must have either ids or all: {"ids": ["…"]} names annotations, {"all": true} chooses all.';
    throw new ChrysError('invalid_argument', message);
  }
  return ids;
}

/** A position in the list, as `after` and `next` write it. */
function positionText({ startMs, seq }: ItemPosition): string {
  return `${startMs}-${seq}`;
}

function positionOf(text: string | undefined): ItemPosition | undefined {
  if (text === undefined) return undefined;
  const [startMs, seq] = text.split('-');
  return { startMs: Number(startMs), seq: Number(seq) };
}
