import type { Request, Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import type { Recordings } from '../../recording/types.js';
import type { Segment } from '../../database/segment.js';
import { sendRegularFile } from '../http/regular-file.js';
import type { TimeRange } from '../route-table/parameters.js';
import type { ListedSegment } from '../route-table/recordings.js';

interface SegmentQuery extends TimeRange {
  /** `next` of the previous page; 0: the first page. */
  readonly after: number;
  /** Maximum number of segments. */
  readonly limit: number;
}

/** One page of the segments of a camera, oldest first. */
export function listSegments(name: string, query: SegmentQuery, recordings: Pick<Recordings, 'page'>) {
  const { segments, next } = recordings.page(name, query);
  return { segments: segments.map(listed), next: next ?? null };
}

/** Sends the file of a segment, as sendPlainFile does. Throws not_found. */
export async function sendSegmentFile(
  req: Request,
  res: Response,
  camera: string,
  id: number,
  recordings: Pick<Recordings, 'get' | 'pathOf'>,
): Promise<void> {
  const segment = recordings.get(camera, id);
  if (segment === undefined) {
    const text = `Camera "${camera}" has no segment ${id} (any more); GET /api/v1/process/${camera}/segments lists them.`;
    throw new ChrysError('not_found', text);
  }
  await sendRegularFile(req, res, {
    path: recordings.pathOf(segment),
    contentType: 'video/mp4',
    name: `${segment.camera}_${segment.file}`,
    what: `file ${segment.file} of camera "${segment.camera}"`,
    whenGone: '"chrysproxy recordings check", or POST /api/v1/recordings/check, compares the list with the disk.',
  });
}

function listed(segment: Segment): ListedSegment {
  const start = Math.floor(segment.startUs / 1000);
  const durationMs = Math.round(segment.durationUs / 1000);
  return {
    id: segment.id,
    file: segment.file,
    start,
    end: start + durationMs,
    duration_ms: durationMs,
    bytes: segment.bytes,
    frames: segment.frames,
    first_frame_id: segment.firstSequence,
    last_frame_id: segment.endSequence - 1,
    keyframes: segment.keyframesUs.map((us) => Math.floor(us / 1000)),
    codec: segment.codecName,
    width: segment.width,
    height: segment.height,
    audio: segment.audio,
  };
}
