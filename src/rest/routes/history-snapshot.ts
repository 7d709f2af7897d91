import type { Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import { VideoFrame } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { HistoryFrame } from '../../history/history-frames.js';
import type { HistoryReader, HistorySource } from './history-source.js';
import type { RecordedCamera } from './recorded-camera.js';
import { sendJpeg, type SnapshotOptions } from './snapshot.js';

const DEFAULT_QUALITY = 90;
/** A frame that is further away is not what the client asked for. Some cameras send only one keyframe a minute. */
const MAX_DISTANCE_MS = 60_000;

/** A snapshot of the history, at a time in milliseconds since the epoch. */
export interface HistorySnapshotOptions extends SnapshotOptions {
  readonly atMs: number;
}

/** Sends the frame nearest to `atMs`. Throws not_found when none is nearer than 60 s. */
export async function sendHistorySnapshot(
  res: Response,
  { name, camera }: RecordedCamera,
  { atMs, width = 0, quality = DEFAULT_QUALITY, keyframe }: HistorySnapshotOptions,
  history: Pick<HistorySource, 'open'>,
): Promise<void> {
  const outputFormat = { format: PICTURE_FORMAT.jpeg, width, height: 0, quality, enlarge: false };
  const frames = history.open({
    camera: camera ?? { definition: { name }, packets: { ring: undefined, streams: new Map() } },
    fromUs: 0,
    toUs: 0,
    nearestUs: atMs * 1000,
    formatOf: () => outputFormat,
    keyframesOnly: keyframe,
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

/** A copy of the first message; undefined: there is none. */
function firstOf(frames: HistoryReader): Promise<Uint8Array | undefined> {
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
  if (Math.abs(foundMs - atMs) <= MAX_DISTANCE_MS) return;
  throw new ChrysError(
    'not_found',
    `There is no frame of camera "${name}" within ${MAX_DISTANCE_MS / 1000} s of ${atMs} (${timeOf(atMs)}); the nearest is ` +
      `from ${foundMs} (${timeOf(foundMs)}).`,
  );
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
