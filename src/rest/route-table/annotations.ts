import { z } from 'zod';
import { count, flag, queueFields, sentenceOrNull, time } from './fields.js';
import { annotationId, text, textOf, timeRangeQuery, wholeNumberOr } from './parameters.js';
import { BASE, type RouteGroup, type Routes } from './route.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const MAX_NAME_CHARACTERS = 1024;
const MAX_IDS = 1000;

const params = z.object({ id: annotationId });
const limit = wholeNumberOr(DEFAULT_LIMIT, 1, MAX_LIMIT, 'Maximum number of annotations.');
const noAnnotation = 'There is no annotation of that id, or it is no longer kept.';
const noEvidence = 'None was requested, none could be made, or its file is gone; the message says why.';

const evidenceAnswer = z
  .strictObject({
    state: z
      .enum(['pending', 'ready', 'failed', 'removed'])
      .describe('`pending`: it is still to be made. `removed`: it was made, and its space was needed.'),
    reason: sentenceOrNull('What is missing and why. null: nothing is missing.'),
    wanted: z
      .strictObject({
        clip: z
          .strictObject({ from: z.int(), to: z.int() })
          .nullable()
          .describe('Range of the clip, milliseconds since the epoch. null: no clip was requested.'),
        snapshot: flag('Whether a snapshot was requested.'),
      })
      .describe('What was requested.'),
    clip: z
      .strictObject({
        from: time('Start, exact to a frame.'),
        to: time('End, exact to a frame.'),
        bytes: count('Size of the file.'),
      })
      .nullable()
      .describe('The clip. null: there is none.'),
    snapshot: z
      .strictObject({
        frame_id: z.int().describe('Frame id of the picture.'),
        timestamp: time('Arrival of the frame, milliseconds since the epoch.'),
        bytes: count('Size of the file.'),
      })
      .nullable()
      .describe('The snapshot. null: there is none.'),
  })
  .meta({ id: 'Evidence', description: 'The clip and the snapshot that are stored with an annotation.' });

const annotationAnswer = z
  .strictObject({
    id: z.string().describe('The same for the receiver.'),
    camera: z.string().describe('As the client sent it.'),
    type: z.string().describe('As the client sent it.'),
    start_timestamp: time('As the client sent it.'),
    state: z
      .enum(['queued', 'delivered', 'set_aside', 'local'])
      .describe('`queued`: it waits or is being sent. `set_aside`: the endpoint refused it. `local`: it is only kept.'),
    stored: time('When the proxy accepted it.'),
    delivered: z.int().optional().describe('When it was delivered. Only with the state `delivered`.'),
    set_aside: z.int().optional().describe('When it was set aside. Only with the state `set_aside`.'),
    reason: z.string().optional().describe('Why it was set aside. Only with the state `set_aside`.'),
    evidence: evidenceAnswer.optional().describe('Missing: none was requested.'),
    annotation: z.unknown().describe('The whole annotation, as it is sent.'),
  })
  .meta({ id: 'Annotation', description: 'An annotation and its delivery. Times are milliseconds since the epoch.' });

const annotationPage = z.strictObject({
  annotations: z.array(annotationAnswer).describe('May be fewer than `limit`, or none, although there are more.'),
  next: z.string().nullable().describe('null: there are no more. Otherwise the value of `after` for the next page.'),
});

const setAsidePage = z.strictObject({
  annotations: z.array(annotationAnswer),
  next: z.int().nullable().describe('null: there are no more. Otherwise the value of `after` for the next page.'),
});

const annotationsStatus = z
  .strictObject({
    mode: z.enum(['cloud', 'local']).describe('`local`: annotations are only kept.'),
    ...queueFields,
    set_aside: count('Annotations that the endpoint refused.'),
    kept: count('Delivered or local annotations that can still be listed.'),
    redis: z
      .strictObject({
        connected: flag('Whether Redis is connected.'),
        message: sentenceOrNull('Why Redis cannot be used. null: it can.'),
        shared: count('Waiting annotations that are in the shared queue.'),
        sender: z.enum(['this', 'other', 'none']).describe('Which proxy sends.'),
      })
      .nullable()
      .describe('The queue that proxies share over Redis. null: this proxy shares none.'),
  })
  .meta({
    id: 'AnnotationsStatus',
    description: 'How the delivery of annotations is doing. Times are milliseconds since the epoch.',
  });

/** Chooses among the annotations that are set aside. The handler checks that exactly one of the fields is given. */
const chosenBody = z
  .strictObject({
    ids: z
      .array(z.uuid())
      .min(1)
      .max(MAX_IDS)
      .optional()
      .describe(`Ids of up to ${MAX_IDS} annotations. Ids that are not set aside are ignored.`),
    all: z.literal(true).optional().describe('true: all of them.'),
  })
  .meta({ id: 'ChosenAnnotations', description: 'Either `ids` or `all`.' });

export type EvidenceAnswer = z.output<typeof evidenceAnswer>;
export type AnnotationAnswer = z.output<typeof annotationAnswer>;
export type AnnotationsAnswer = z.output<typeof annotationsStatus>;
export type SetAsideAnswer = z.output<typeof setAsidePage>;
export type ChosenAnnotations = z.output<typeof chosenBody>;

export const annotationRoutes = {
  listAnnotations: {
    method: 'get',
    path: `${BASE}/annotations`,
    role: 'viewer',
    summary: 'List annotations by time, oldest first',
    description: 'The time is `start_timestamp`.',
    query: z.object({
      camera: text(MAX_NAME_CHARACTERS, 'Only annotations of this camera.'),
      type: text(MAX_NAME_CHARACTERS, 'Only annotations of this type.'),
      ...timeRangeQuery,
      after: textOf(/^\d{1,16}-\d{1,16}$/, 'the value of "next" in an answer', '`next` of the previous page.'),
      limit,
    }),
    answer: { status: 200, description: 'One page of annotations.', schema: annotationPage },
  },
  getAnnotationsStatus: {
    method: 'get',
    path: `${BASE}/annotations/status`,
    role: 'viewer',
    summary: 'Show how the delivery of annotations is doing',
    answer: { status: 200, description: 'The status.', schema: annotationsStatus },
  },
  listSetAside: {
    method: 'get',
    path: `${BASE}/annotations/set-aside`,
    role: 'viewer',
    summary: 'List the annotations that the endpoint refused, in the order of the queue',
    query: z.object({ after: wholeNumberOr(0, 0, Number.MAX_SAFE_INTEGER, '`next` of the previous page.'), limit }),
    answer: { status: 200, description: 'One page of annotations.', schema: setAsidePage },
  },
  requeueSetAside: {
    method: 'post',
    path: `${BASE}/annotations/set-aside/requeue`,
    role: 'operator',
    summary: 'Send refused annotations again, after those that wait',
    body: { schema: chosenBody },
    answer: {
      status: 200,
      description: 'How many are queued again.',
      schema: z.strictObject({ requeued: count('Annotations that are queued again.') }),
    },
  },
  discardSetAside: {
    method: 'post',
    path: `${BASE}/annotations/set-aside/discard`,
    role: 'operator',
    summary: 'Delete refused annotations',
    body: { schema: chosenBody },
    answer: {
      status: 200,
      description: 'How many were deleted.',
      schema: z.strictObject({ discarded: count('Annotations that were deleted.') }),
    },
  },
  // These come after the routes above, whose last words would otherwise match `:id`.
  getAnnotation: {
    method: 'get',
    path: `${BASE}/annotations/:id`,
    role: 'viewer',
    summary: 'Show one annotation and its evidence',
    params,
    answer: { status: 200, description: 'The annotation.', schema: annotationAnswer },
    errors: { not_found: noAnnotation },
  },
  getEvidenceClip: {
    method: 'get',
    path: `${BASE}/annotations/:id/clip.mp4`,
    role: 'viewer',
    summary: 'Get the clip that is stored with an annotation',
    params,
    answer: { status: 200, description: 'The clip.', contentType: 'video/mp4', ranges: true },
    errors: { not_found: noEvidence, unavailable: 'It is still being made.' },
  },
  getEvidenceSnapshot: {
    method: 'get',
    path: `${BASE}/annotations/:id/snapshot.jpg`,
    role: 'viewer',
    summary: 'Get the snapshot that is stored with an annotation',
    params,
    answer: { status: 200, description: 'The snapshot.', contentType: 'image/jpeg', ranges: true },
    errors: { not_found: noEvidence, unavailable: 'It is still being made.' },
  },
} as const satisfies Routes;

export const annotationGroup: RouteGroup = {
  title: 'Annotations',
  description:
    '[The guide](../guide/annotations.md) explains how annotations are stored and sent. Times are milliseconds since the epoch.',
  routes: annotationRoutes,
};
