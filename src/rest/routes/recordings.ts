import { Router, type Request } from 'express';
import { ChrysError } from '../../base/errors.js';
import type { Recordings } from '../../recording/types.js';
import { onlyMethods } from '../http/answers.js';
import { clipFileName, clipRange, sendClipFile, type ClipFileParts } from './clip-file.js';
import { addClip, describeClip, findClip, idOf, listClips, removeClip, type ClipParts } from './clips.js';
import { jsonBody } from '../http/json-body.js';
import { recordedCamera, type RecordedCamera, type WhereCamerasAre } from './recorded-camera.js';
import { sendSegmentFile } from './segment-file.js';
import { sendSegmentList } from './segments.js';
import { sendTimeline } from './timeline.js';

export interface RecordingParts extends ClipFileParts, ClipParts, WhereCamerasAre {
  readonly recordings: Recordings;
  readonly clips: ClipParts['clips'];
}

/** What is recorded, also of cameras that were removed. `base` is where the interface begins. */
export function recordingRoutes(base: string, parts: RecordingParts): Router {
  const { recordings, clips } = parts;
  const router = Router({ caseSensitive: true });
  const recordedOf = (req: Request<{ name: string }>): RecordedCamera => recordedCamera(req.params.name, parts);

  router
    .route(`${base}/recordings`)
    .get(async (_req, res) => void res.json(await summaryOf(recordings)))
    .all(onlyMethods('GET'));
  router
    .route(`${base}/recordings/check`)
    .post(async (req, res) => {
      // A large folder takes longer than a connection may be idle.
      req.socket.setTimeout(0);
      res.json(await checkAnswer(recordings));
    })
    .all(onlyMethods('POST'));
  router
    .route(`${base}/process/:name/segments`)
    .get((req, res) => {
      sendSegmentList(req, res, recordedOf(req).name, recordings);
    })
    .all(onlyMethods('GET'));
  router
    .route(`${base}/process/:name/segments/:id`)
    .get(async (req, res) => {
      const { name } = recordedOf(req);
      const segment = recordings.get(name, idOf(req));
      if (segment === undefined) throw noSegment(name, req.params.id);
      await sendSegmentFile(req, res, segment, recordings.pathOf(segment));
    })
    .all(onlyMethods('GET'));
  router
    .route(`${base}/process/:name/timeline`)
    .get((req, res) => sendTimeline(req, res, recordedOf(req), recordings))
    .all(onlyMethods('GET'));
  router
    .route(`${base}/process/:name/clip.mp4`)
    .get(async (req, res) => {
      const recorded = recordedOf(req);
      const range = clipRange(req.query);
      const file = clipFileName(req.query, `${recorded.name}_${range.fromMs}_${range.toMs}.mp4`);
      await sendClipFile(req, res, recorded, range, file, parts);
    })
    .all(onlyMethods('GET'));
  router
    .route(`${base}/process/:name/clips`)
    .get(async (req, res) => void res.json(await listClips(recordedOf(req).name, parts)))
    .post(jsonBody, async (req, res) => {
      res.status(201).json(await addClip(req.body, recordedOf(req), parts));
    })
    .all(onlyMethods('GET', 'POST'));
  router
    .route(`${base}/process/:name/clips/:id`)
    .get(async (req, res) => {
      res.json(await describeClip(findClip(recordedOf(req).name, idOf(req), clips), recordings));
    })
    .delete((req, res) => {
      removeClip(recordedOf(req).name, idOf(req), clips);
      res.status(200).end();
    })
    .all(onlyMethods('GET', 'DELETE'));
  router
    .route(`${base}/process/:name/clips/:id/clip.mp4`)
    .get(async (req, res) => {
      const recorded = recordedOf(req);
      const clip = findClip(recorded.name, idOf(req), clips);
      const file = clipFileName(req.query, `${recorded.name}_${clip.name.replaceAll(/[^A-Za-z0-9._-]+/g, '_')}.mp4`);
      await sendClipFile(req, res, recorded, clip, file, parts);
    })
    .all(onlyMethods('GET'));
  return router;
}

/** Times are milliseconds since the epoch; null = nothing is recorded. */
async function summaryOf(recordings: Pick<Recordings, 'summary'>) {
  const cameras = await recordings.summary();
  return {
    cameras: cameras.map(({ camera, segments, bytes, fromMs, toMs }) => ({
      camera,
      segments,
      bytes,
      from: fromMs,
      to: toMs,
    })),
    segments: cameras.reduce((sum, { segments }) => sum + segments, 0),
    bytes: cameras.reduce((sum, { bytes }) => sum + bytes, 0),
    from: cameras.length === 0 ? null : Math.min(...cameras.map(({ fromMs }) => fromMs)),
    to: cameras.length === 0 ? null : Math.max(...cameras.map(({ toMs }) => toMs)),
  };
}

export type RecordingsSummary = Awaited<ReturnType<typeof summaryOf>>;

async function checkAnswer(recordings: Pick<Recordings, 'check'>) {
  const { good, added, missing, removed, foreign, foreignCount } = await recordings.check();
  return { good, added, missing, removed, foreign, foreign_count: foreignCount };
}

export type CheckAnswer = Awaited<ReturnType<typeof checkAnswer>>;

function noSegment(camera: string, id: string): ChrysError {
  const text = `Camera "${camera}" has no segment ${id} (any more); GET /api/v1/process/${camera}/segments lists them.`;
  return new ChrysError('not_found', text);
}
