import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ChrysError, messageOf } from '../../base/errors.js';
import { sendError } from './answers.js';

/** A file that the proxy has written. */
export interface RegularFile {
  readonly path: string;
  readonly contentType: string;
  /** Name under which a browser saves the file. */
  readonly name: string;
  /** What the file is, for error messages, such as `clip of annotation 7`. */
  readonly what: string;
  /** What to do when the file is gone, as a sentence for the error message. */
  readonly whenGone: string;
}

/**
 * Sends a file, or the range of it that is requested. Throws not_found when it is gone from the disk or is not a regular
 * file, unavailable when it cannot be read.
 */
export async function sendRegularFile(req: Request, res: Response, wanted: RegularFile): Promise<void> {
  const file = await openRegularFile(wanted);
  try {
    const { size } = await file.stat();
    res.set('Accept-Ranges', 'bytes');
    const range = rangeOf(req, size);
    if (range === 'none') {
      res.set('Content-Range', `bytes */${size}`);
      sendError(req, res, 416, `Range: ${String(req.get('range'))} is not in the file, which has ${size} bytes.`);
      return;
    }
    res.set('Content-Type', wanted.contentType);
    res.set('Content-Disposition', `inline; filename="${wanted.name}"`);
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

/** Disconnects the client when the disk fails, because the announced length cannot be sent any more. */
async function send(file: FileHandle, start: number, end: number, res: Response): Promise<void> {
  await pipeline(file.createReadStream({ start, end, autoClose: false }), res).catch(() => res.destroy());
}

/**
 * Undefined: the whole file; 'none': the file ends before the range. Several ranges are answered with the whole file.
 * So is `If-Range`, because answers have no validator with which it could be compared.
 */
function rangeOf(req: Request, size: number): { start: number; end: number } | 'none' | undefined {
  if (req.get('if-range') !== undefined) return undefined;
  const ranges = req.range(size, { combine: true });
  if (ranges === -1) return 'none';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}

/** Follows no symbolic link, and does not block on a named pipe. */
async function openRegularFile(wanted: RegularFile): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(wanted.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, wanted);
  }
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw noFile(wanted);
  }
  return file;
}

function explained(error: NodeJS.ErrnoException, wanted: RegularFile): ChrysError {
  if (error.code === 'ENOENT') {
    return new ChrysError('not_found', `The ${wanted.what} is gone from the disk. ${wanted.whenGone}`, {
      cause: error,
    });
  }
  if (error.code === 'ELOOP') return noFile(wanted);
  return new ChrysError('unavailable', `The ${wanted.what} cannot be read: ${messageOf(error)}.`, { cause: error });
}

function noFile({ what }: RegularFile): ChrysError {
  const text = `The ${what} is not sent, because somebody has replaced it with something that is not a regular file.`;
  return new ChrysError('not_found', text);
}
