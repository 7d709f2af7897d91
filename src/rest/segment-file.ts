import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Segment } from '../store/segment.js';
import { sendError } from './answers.js';

/**
 * Sends the file of a segment, or the range of it that is asked for. Throws not_found when it is gone from the disk or is
 * no plain file, unavailable when it cannot be read.
 */
export async function sendSegmentFile(req: Request, res: Response, segment: Segment, path: string): Promise<void> {
  const file = await openPlainFile(segment, path);
  try {
    const { size } = await file.stat();
    res.set('Accept-Ranges', 'bytes');
    const range = rangeOf(req, size);
    if (range === 'none') {
      res.set('Content-Range', `bytes */${size}`);
      sendError(
        req,
        res,
        416,
        `Range: ${String(req.get('range'))} is not in the file; it has ${size} bytes, from 0 on.`,
      );
      return;
    }
    res.set('Content-Type', 'video/mp4');
    res.set('Content-Disposition', `inline; filename="${segment.camera}_${segment.file}"`);
    const { start, end } = range ?? { start: 0, end: size - 1 };
    res.set('Content-Length', String(end - start + 1));
    if (range !== undefined) {
      res.status(206).set('Content-Range', `bytes ${start}-${end}/${size}`);
    }
    if (req.method === 'HEAD' || end < start) {
      res.end();
      return;
    }
    await send(file, start, end, res);
  } finally {
    await file.close();
  }
}

/** Who leaves early ends it, and so does a disk that fails: what was announced cannot be sent then. */
async function send(file: FileHandle, start: number, end: number, res: Response): Promise<void> {
  await pipeline(file.createReadStream({ start, end, autoClose: false }), res).catch(() => res.destroy());
}

/**
 * Undefined: the whole file; 'none': nothing of it. Several ranges are answered with the whole file, and so is
 * `If-Range`: we give no validator that it could compare.
 */
function rangeOf(req: Request, size: number): { start: number; end: number } | 'none' | undefined {
  if (req.get('if-range') !== undefined) return undefined;
  const ranges = req.range(size, { combine: true });
  if (ranges === -1) return 'none';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}

/** Follows no symbolic link, and does not wait for a pipe that somebody put there. */
async function openPlainFile(segment: Segment, path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, segment);
  }
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw noFile(segment);
  }
  return file;
}

function explained(error: NodeJS.ErrnoException, segment: Segment): ChrysError {
  if (error.code === 'ENOENT') {
    return new ChrysError(
      'not_found',
      `The file ${segment.file} of camera "${segment.camera}" is gone from the disk. "chrysproxy recordings check", or ` +
        'POST /api/v1/recordings/check, compares the list with the disk.',
      { cause: error },
    );
  }
  if (error.code === 'ELOOP') return noFile(segment);
  const text = `The file ${segment.file} of camera "${segment.camera}" cannot be read: ${messageOf(error)}.`;
  return new ChrysError('unavailable', text, { cause: error });
}

function noFile({ camera, file }: Segment): ChrysError {
  return new ChrysError(
    'not_found',
    `What lies at ${file} of camera "${camera}" is no plain file, and is not followed: somebody has put it there.`,
  );
}
