import type { Request, Response } from 'express';
import { ChrysError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { HistoryFrame } from '../../history/history-frames.js';
import type { Recordings } from '../../recording/types.js';
import { rangeText, whatThereIs } from './nearest-span.js';
import type { Past, HistorySource } from './history-source.js';
import { LATEST_MS, wholeNumber, type TimeRange } from '../http/query.js';
import type { RecordedCamera } from './recorded-camera.js';

const MAX_HOURS = 24;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,200}\.mp4$/;

export interface ClipFileParts {
  readonly past: Pick<HistorySource, 'openClip'>;
  readonly recordings: Pick<Recordings, 'nearest' | 'timeline'>;
  readonly logger: Logger;
}

/** How a browser shall call the file. */
export interface FileName {
  readonly name: string;
  /** To be saved, and not shown. */
  readonly download: boolean;
}

/** `?from=&to=`, both needed. Throws invalid_argument. */
export function clipRange(query: Readonly<Record<string, unknown>>): TimeRange {
  const fromMs = wholeNumber(query, 'from', 1, LATEST_MS);
  const toMs = wholeNumber(query, 'to', 1, LATEST_MS);
  if (fromMs === undefined || toMs === undefined) {
    const missing = fromMs === undefined ? 'from' : 'to';
    throw new ChrysError('invalid_argument', `${missing} is missing: from and to are milliseconds since the epoch.`);
  }
  return checkClipRange({ fromMs, toMs });
}

/** Gives the range back. Throws invalid_argument. */
export function checkClipRange(range: TimeRange): TimeRange {
  const { fromMs, toMs } = range;
  if (fromMs >= toMs) {
    throw new ChrysError('invalid_argument', `from (${fromMs}) must be earlier than to (${toMs}).`);
  }
  if (toMs - fromMs > MAX_HOURS * 3_600_000) {
    throw new ChrysError(
      'invalid_argument',
      `from (${fromMs}) and to (${toMs}) are more than ${MAX_HOURS} hours apart: ask for several shorter parts.`,
    );
  }
  return range;
}

/** `?download=`, or a name that tells what it is. Throws invalid_argument. */
export function clipFileName(query: Readonly<Record<string, unknown>>, otherwise: string): FileName {
  const { download } = query;
  if (download === undefined) return { name: otherwise, download: false };
  if (typeof download !== 'string' || !FILE_NAME.test(download)) {
    const shown = JSON.stringify(download).slice(0, 40);
    throw new ChrysError(
      'invalid_argument',
      `download: ${shown} is not allowed; allowed is a file name of A-Z a-z 0-9 . _ - and blanks that ends with .mp4.`,
    );
  }
  return { name: download, download: true };
}

/**
 * Sends one mp4 of a range as it is made, no faster than it is taken. Throws not_found when there is nothing in the
 * range; what fails later cuts the connection, which is how the client learns that its file is not whole.
 */
export async function sendClipFile(
  req: Request,
  res: Response,
  recorded: RecordedCamera,
  range: TimeRange,
  file: FileName,
  { past, recordings, logger }: ClipFileParts,
): Promise<void> {
  const { name, camera } = recorded;
  const chunks = past.openClip({
    camera: name,
    packets: camera?.packets,
    fromUs: range.fromMs * 1000,
    // Up to the end of that millisecond.
    toUs: range.toMs * 1000 + 999,
  });
  const gone = new Promise<undefined>((resolve) => {
    res.on('close', () => {
      chunks.close();
      resolve(undefined);
    });
  });
  const first = await Promise.race([nextOf(chunks), gone]);
  if (res.closed) return;
  if (first === undefined) {
    const instead = await whatThereIs(recorded, range, recordings);
    throw new ChrysError('not_found', `There is nothing of camera "${name}" ${rangeText(range)}: ${instead}`);
  }
  res.set('Content-Type', 'video/mp4').set('Accept-Ranges', 'none');
  res.set('Content-Disposition', `${file.download ? 'attachment' : 'inline'}; filename="${file.name}"`);
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  try {
    await sendAll(res, chunks, first, gone);
  } catch (error) {
    logger.warn({ camera: name }, `a clip was cut off: ${messageOf(error)}`);
    res.destroy();
  }
}

/** One buffer is enough: a chunk has left it before the next one comes. */
async function sendAll(res: Response, chunks: Past, first: HistoryFrame, gone: Promise<undefined>): Promise<void> {
  let buffer = Buffer.alloc(0);
  for (
    let chunk: HistoryFrame | undefined = first;
    chunk !== undefined;
    chunk = await Promise.race([nextOf(chunks), gone])
  ) {
    const { byteLength } = chunk;
    if (buffer.length < byteLength) buffer = Buffer.allocUnsafeSlow(byteLength);
    chunk.copyTo(buffer, 0);
    await taken(res, buffer.subarray(0, byteLength));
    if (res.closed) return;
  }
  res.end();
}

/** Resolves when the kernel has these bytes, or the client is gone. */
function taken(res: Response, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    res.write(bytes, () => {
      resolve();
    });
  });
}

function nextOf(chunks: Past): Promise<HistoryFrame | undefined> {
  return new Promise((resolve, reject) => {
    chunks.next((error, chunk) => {
      if (error === undefined) resolve(chunk);
      else reject(error);
    });
  });
}
