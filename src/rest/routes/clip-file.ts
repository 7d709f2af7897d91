import type { Request, Response } from 'express';
import { ChrysError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import { rangeInUs } from '../../base/microseconds.js';
import type { HistoryFrame } from '../../history/history-frames.js';
import type { Recordings } from '../../recording/types.js';
import type { TimeRange } from '../route-table/parameters.js';
import type { HistoryReader, HistorySource } from './history-source.js';
import { nearestSpanText, rangeText } from './nearest-span.js';
import type { RecordedCamera } from './recorded-camera.js';

const MAX_HOURS = 24;

export interface ClipFileParts {
  readonly history: Pick<HistorySource, 'openClip'>;
  readonly recordings: Pick<Recordings, 'nearest' | 'timeline'>;
  readonly logger: Logger;
}

/** The name of a file in a browser. */
export interface FileName {
  readonly name: string;
  /** True: the browser saves the file. False: it plays the file. */
  readonly download: boolean;
}

/** Throws invalid_argument, also when `from` or `to` is missing. */
export function clipRange({
  from,
  to,
}: {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}): TimeRange {
  if (from === undefined || to === undefined) {
    const missing = from === undefined ? 'from' : 'to';
    throw new ChrysError('invalid_argument', `${missing} is missing: from and to are milliseconds since the epoch.`);
  }
  return checkClipRange({ fromMs: from, toMs: to });
}

/** Returns the range. Throws invalid_argument. */
export function checkClipRange(range: TimeRange): TimeRange {
  const { fromMs, toMs } = range;
  if (fromMs >= toMs) {
    throw new ChrysError('invalid_argument', `from (${fromMs}) must be earlier than to (${toMs}).`);
  }
  if (toMs - fromMs > MAX_HOURS * 3_600_000) {
    throw new ChrysError(
      'invalid_argument',
      `from (${fromMs}) and to (${toMs}) are more than ${MAX_HOURS} hours apart: request several shorter ranges.`,
    );
  }
  return range;
}

/** The name that the client chose, or else `otherwise`. */
export function clipFileName(download: string | undefined, otherwise: string): FileName {
  return download === undefined ? { name: otherwise, download: false } : { name: download, download: true };
}

/**
 * Sends one mp4 of a range while it is made, no faster than the client accepts it. Throws not_found when there is nothing
 * in the range. A later failure cuts the connection, which tells the client that its file is not complete.
 */
export async function sendClipFile(
  req: Request,
  res: Response,
  recorded: RecordedCamera,
  range: TimeRange,
  file: FileName,
  { history, recordings, logger }: ClipFileParts,
): Promise<void> {
  const { name, camera } = recorded;
  const chunks = history.openClip({
    camera: name,
    packets: camera?.packets,
    ...rangeInUs(range.fromMs, range.toMs),
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
    const instead = await nearestSpanText(recorded, range, recordings);
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
    logger.warn({ camera: name }, `A clip was cut off: ${messageOf(error)}`);
    res.destroy();
  }
}

/** Copies each chunk into the same buffer, since the socket has taken a chunk before the next one is copied. */
async function sendAll(
  res: Response,
  chunks: HistoryReader,
  first: HistoryFrame,
  gone: Promise<undefined>,
): Promise<void> {
  let buffer = Buffer.alloc(0);
  for (
    let chunk: HistoryFrame | undefined = first;
    chunk !== undefined;
    chunk = await Promise.race([nextOf(chunks), gone])
  ) {
    const { byteLength } = chunk;
    if (buffer.length < byteLength) buffer = Buffer.allocUnsafeSlow(byteLength);
    chunk.copyTo(buffer, 0);
    await write(res, buffer.subarray(0, byteLength));
    if (res.closed) return;
  }
  res.end();
}

/** Resolves when the kernel has these bytes, or the client has disconnected. */
function write(res: Response, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    res.write(bytes, () => {
      resolve();
    });
  });
}

function nextOf(chunks: HistoryReader): Promise<HistoryFrame | undefined> {
  return new Promise((resolve, reject) => {
    chunks.next((error, chunk) => {
      if (error === undefined) resolve(chunk);
      else reject(error);
    });
  });
}
