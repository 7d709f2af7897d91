import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ChrysError, messageOf } from '../../base/errors.js';
import { sendError } from './answers.js';

/** A file of ours on the disk. */
export interface PlainFile {
  readonly path: string;
  readonly contentType: string;
  /** How a browser shall call it. */
  readonly name: string;
  /** For error messages: what it is, as in "clip of this", and what to do when it is gone. */
  readonly what: string;
  readonly whenGone: string;
}

/**
 * Sends a file, or the range of it that is asked for. Throws not_found when it is gone from the disk or is no plain file,
 * unavailable when it cannot be read.
 */
export async function sendPlainFile(req: Request, res: Response, plain: PlainFile): Promise<void> {
  const file = await openPlainFile(plain);
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
    res.set('Content-Type', plain.contentType);
    res.set('Content-Disposition', `inline; filename="${plain.name}"`);
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
async function openPlainFile(plain: PlainFile): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(plain.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, plain);
  }
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw noFile(plain);
  }
  return file;
}

function explained(error: NodeJS.ErrnoException, plain: PlainFile): ChrysError {
  if (error.code === 'ENOENT') {
    return new ChrysError('not_found', `The ${plain.what} is gone from the disk. ${plain.whenGone}`, { cause: error });
  }
  if (error.code === 'ELOOP') return noFile(plain);
  return new ChrysError('unavailable', `The ${plain.what} cannot be read: ${messageOf(error)}.`, { cause: error });
}

function noFile({ what }: PlainFile): ChrysError {
  const text = `What lies in the place of the ${what} is no plain file, and is not followed: somebody has put it there.`;
  return new ChrysError('not_found', text);
}
