import type { Request, Response } from 'express';
import type { Segment } from '../../database/segment.js';
import { sendPlainFile } from '../http/plain-file.js';

/** Sends the file of a segment, as sendPlainFile does. */
export async function sendSegmentFile(req: Request, res: Response, segment: Segment, path: string): Promise<void> {
  await sendPlainFile(req, res, {
    path,
    contentType: 'video/mp4',
    name: `${segment.camera}_${segment.file}`,
    what: `file ${segment.file} of camera "${segment.camera}"`,
    whenGone: '"chrysproxy recordings check", or POST /api/v1/recordings/check, compares the list with the disk.',
  });
}
