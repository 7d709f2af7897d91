import type { Recordings } from '../../recording/types.js';
import type { Handlers } from '../http/router.js';
import { checkTimeRange } from '../route-table/parameters.js';
import type { CheckAnswer, recordingRoutes, RecordingsSummary } from '../route-table/recordings.js';
import { clipFileName, clipRange, sendClipFile, type ClipFileParts } from './clip-file.js';
import { addClip, describeClip, findClip, listClips, removeClip, type ClipParts } from './clips.js';
import { recordedCamera, type RecordedCamera, type RecordedCameraParts } from './recorded-camera.js';
import { listSegments, sendSegmentFile } from './segments.js';
import { timelineOf } from './timeline.js';

export interface RecordingParts extends ClipFileParts, ClipParts, RecordedCameraParts {
  readonly recordings: Recordings;
  readonly clips: ClipParts['clips'];
}

/** What is recorded, also of cameras that were removed. */
export function recordingHandlers(parts: RecordingParts): Handlers<typeof recordingRoutes> {
  const { recordings, clips } = parts;
  const recorded = ({ name }: { readonly name: string }): RecordedCamera => recordedCamera(name, parts);
  return {
    listRecordings: () => summaryOf(recordings),
    checkRecordings: ({ req }) => {
      // A check of a large folder takes longer than a connection may be idle.
      req.socket.setTimeout(0);
      return check(recordings);
    },
    getTimeline: ({ params, query }) => timelineOf(checkTimeRange(query), recorded(params), recordings),
    getClipOfRange: async ({ params, query, req, res }) => {
      const range = clipRange(query);
      const file = clipFileName(query.download, `${params.name}_${range.fromMs}_${range.toMs}.mp4`);
      await sendClipFile(req, res, recorded(params), range, file, parts);
    },
    listSegments: ({ params, query }) => {
      const { after, limit } = query;
      return listSegments(recorded(params).name, { ...checkTimeRange(query), after, limit }, recordings);
    },
    getSegment: ({ params, req, res }) => sendSegmentFile(req, res, recorded(params).name, params.id, recordings),
    listClips: ({ params }) => listClips(recorded(params).name, parts),
    addClip: ({ params, body }) => addClip(body, recorded(params), parts),
    getClip: ({ params }) => describeClip(findClip(recorded(params).name, params.id, clips), recordings),
    removeClip: ({ params }) => {
      removeClip(recorded(params).name, params.id, clips);
    },
    getClipFile: async ({ params, query, req, res }) => {
      const clip = findClip(recorded(params).name, params.id, clips);
      const name = `${params.name}_${clip.name.replaceAll(/[^A-Za-z0-9._-]+/g, '_')}.mp4`;
      await sendClipFile(req, res, recorded(params), clip, clipFileName(query.download, name), parts);
    },
  };
}

async function summaryOf(recordings: Pick<Recordings, 'summary'>): Promise<RecordingsSummary> {
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

async function check(recordings: Pick<Recordings, 'check'>): Promise<CheckAnswer> {
  const { good, added, missing, removed, foreign, foreignCount } = await recordings.check();
  return { good, added, missing, removed, foreign: [...foreign], foreign_count: foreignCount };
}
