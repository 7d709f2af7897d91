import type { Request, Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import { VideoFrame } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { HistoryFrame } from '../../history/history-frames.js';
import type { Past, HistorySource } from './history-source.js';
import { LATEST_MS, truth, wholeNumber } from '../http/query.js';
import type { RecordedCamera } from './recorded-camera.js';
import { sendJpeg, snapshotSize } from './snapshot.js';

const DEFAULT_QUALITY = 90;
/** A frame that is further away does not show what was asked for. Some cameras send a keyframe a minute. */
const FARTHEST_MS = 60_000;

/** Sends the frame that is nearest to `?at=`, milliseconds since the epoch. Throws invalid_argument, not_found. */
export async function sendHistorySnapshot(
  req: Request,
  res: Response,
  { name, camera }: RecordedCamera,
  past: Pick<HistorySource, 'open'>,
): Promise<void> {
  const atMs = wholeNumber(req.query, 'at', 1, LATEST_MS) ?? 0;
  const { width, quality } = snapshotSize(req);
  const look = {
    format: PICTURE_FORMAT.jpeg,
    width: width ?? 0,
    height: 0,
    quality: quality ?? DEFAULT_QUALITY,
    enlarge: false,
  };
  const frames = past.open({
    camera: camera ?? { definition: { name }, packets: { ring: undefined, streams: new Map() } },
    fromUs: 0,
    toUs: 0,
    nearestUs: atMs * 1000,
    formatOf: () => look,
    keyframesOnly: truth(req.query, 'keyframe', false),
    intervalMs: 0,
    withholdCorrupt: false,
  });
  const gone = new Promise<undefined>((resolve) => {
    res.on('close', () => {
      resolve(undefined);
    });
  });
  try {
    const message = await Promise.race([firstOf(frames), gone]);
    if (res.closed) return;
    if (message === undefined) {
      throw new ChrysError('not_found', `There is no frame of camera "${name}" in memory, and none is recorded.`);
    }
    const { data, frameId, timestamp } = VideoFrame.decode(message);
    checkDistance(name, atMs, timestamp);
    sendJpeg(res, { jpeg: data, frameId, arrivalMs: timestamp });
  } finally {
    frames.close();
  }
}

/** A copy of its message; undefined: there is none. */
function firstOf(frames: Past): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    frames.next((error, frame) => {
      if (error !== undefined) reject(error);
      else resolve(frame && copyOf(frame));
    });
  });
}

function copyOf(frame: HistoryFrame): Uint8Array {
  const message = Buffer.allocUnsafeSlow(frame.byteLength);
  frame.copyTo(message, 0);
  return message;
}

function checkDistance(name: string, atMs: number, foundMs: number): void {
  if (Math.abs(foundMs - atMs) <= FARTHEST_MS) return;
  throw new ChrysError(
    'not_found',
    `There is no frame of camera "${name}" within ${FARTHEST_MS / 1000} s of ${atMs} (${timeOf(atMs)}); the nearest is ` +
      `that of ${foundMs} (${timeOf(foundMs)}).`,
  );
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
