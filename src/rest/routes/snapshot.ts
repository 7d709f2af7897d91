import type { Request, Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import { DEFAULT_OUTPUT_FORMAT } from '../../cameras/frames/demand.js';
import type { Camera, FrameRef, FrameOptions } from '../../cameras/types.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import { MIN_WIDTH, MAX_WIDTH, truth, wholeNumber } from '../http/query.js';

/** Longest wait for a frame. Long enough for the next keyframe of a usual stream. */
const WAIT_MS = 5000;
/** A frame can be overwritten while it is copied; a newer one is there then. */
const MAX_COPIES = 5;
const LOOP_QUALITY = 80;

export interface Picture {
  /** Rows without padding, `width * height * 3` bytes. */
  readonly bgr24: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Pixels; the height follows from the aspect. Without it the picture keeps its size. */
  readonly outWidth?: number;
  /** 1 to 100. */
  readonly quality?: number;
}

/** One frame as a JPEG. */
export interface Snapshot {
  readonly jpeg: Uint8Array;
  readonly frameId: number;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
}

interface TakenPicture extends Omit<Snapshot, 'jpeg'> {
  readonly picture: Picture;
}

interface SnapshotSize {
  /** Pixels. */
  readonly width: number | undefined;
  readonly quality: number | undefined;
}

export type EncodeJpeg = (picture: Picture) => Promise<Buffer>;

/** Sends the newest frame. Throws unavailable when the camera is not connected, deadline_exceeded when no frame comes. */
export async function sendSnapshot(req: Request, res: Response, camera: Camera, encode: EncodeJpeg): Promise<void> {
  const size = snapshotSize(req);
  const gone = new AbortController();
  res.on('close', () => {
    gone.abort();
  });
  const snapshot = truth(req.query, 'keyframe', false)
    ? await takeJpeg(camera, size, true, gone.signal)
    : await takeNewest(camera, size, gone.signal, encode);
  if (snapshot !== undefined && !gone.signal.aborted) {
    sendJpeg(res, snapshot);
  }
}

/** Throws invalid_argument. */
export function snapshotSize({ query }: Request): SnapshotSize {
  return {
    width: wholeNumber(query, 'width', MIN_WIDTH, MAX_WIDTH),
    quality: wholeNumber(query, 'quality', 1, 100),
  };
}

/** Tells which frame it is. */
export function sendJpeg(res: Response, { jpeg, frameId, arrivalMs }: Snapshot): void {
  res.set('X-Frame-Id', String(frameId)).set('X-Timestamp', String(arrivalMs));
  res.set('Content-Type', 'image/jpeg').send(Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength));
}

/** Undefined when the client went away meanwhile. */
async function takeNewest(
  camera: Camera,
  { width, quality }: SnapshotSize,
  signal: AbortSignal,
  encode: EncodeJpeg,
): Promise<Snapshot | undefined> {
  const taken = await takePicture(camera, signal);
  if (taken === undefined) return undefined;
  if (taken === 'too large') return await takeJpeg(camera, { width, quality }, false, signal);
  const { picture, frameId, arrivalMs } = taken;
  const jpeg = await encode({
    ...picture,
    ...(width === undefined ? {} : { outWidth: width }),
    ...(quality === undefined ? {} : { quality }),
  });
  return { jpeg, frameId, arrivalMs };
}

/**
 * A JPEG that the capture loop encodes; undefined when the client went away meanwhile.
 *
 * Decoding the newest frame takes all frames since the last keyframe, and decoding a keyframe takes only itself. So for a
 * client that looks every few seconds a keyframe costs much less. All clients that want the same width share one JPEG.
 */
async function takeJpeg(
  camera: Camera,
  { width = 0, quality = LOOP_QUALITY }: SnapshotSize,
  keyframesOnly: boolean,
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const outputFormat = { format: PICTURE_FORMAT.jpeg, width, height: 0, quality, enlarge: false };
  const terms = { outputFormat, keyframesOnly, intervalMs: 0, withholdCorrupt: false };
  for (let attempt = 0; attempt < MAX_COPIES; attempt += 1) {
    const frame = await nextFrame(camera, terms, signal);
    if (signal.aborted) {
      return undefined;
    }
    if (frame === undefined) {
      throw camera.frames.refusal(outputFormat) ?? noFrame(camera);
    }
    const message = Buffer.allocUnsafeSlow(frame.byteLength);
    const copied = frame.copyTo(message, 0);
    if (copied !== undefined) {
      const { dataOffset, dataBytes, frameId, arrivalMs } = copied;
      return { jpeg: message.subarray(dataOffset, dataOffset + dataBytes), frameId, arrivalMs };
    }
  }
  throw noFrame(camera);
}

/** The newest such frame; undefined when there is none in time, or the client went away. */
async function nextFrame(camera: Camera, terms: FrameOptions, signal: AbortSignal): Promise<FrameRef | undefined> {
  return await new Promise((resolve) => {
    const query = { options: terms, after: 0, sinceLastMs: Infinity, waitMs: WAIT_MS, maxAgeMs: 0 };
    const end = camera.frames.request(query, resolve);
    signal.addEventListener('abort', () => {
      end();
      resolve(undefined);
    });
  });
}

/** Undefined when the client went away meanwhile. 'too large': the picture does not fit into a message as BGR24. */
async function takePicture(camera: Camera, signal: AbortSignal): Promise<TakenPicture | 'too large' | undefined> {
  for (let attempt = 0; attempt < MAX_COPIES; attempt += 1) {
    const frame = await camera.frames.snapshot(WAIT_MS, signal);
    if (signal.aborted) {
      return undefined;
    }
    if (frame === undefined) {
      if (camera.frames.refusal(DEFAULT_OUTPUT_FORMAT) !== undefined) return 'too large';
      throw noFrame(camera);
    }
    const taken = copyOf(frame);
    if (taken !== undefined) {
      return taken;
    }
  }
  throw noFrame(camera);
}

function copyOf(frame: FrameRef): TakenPicture | undefined {
  const message = Buffer.allocUnsafeSlow(frame.byteLength);
  if (frame.copyTo(message, 0) === undefined) {
    return undefined;
  }
  const bgr24 = message.subarray(frame.dataOffset, frame.dataOffset + frame.dataBytes);
  const { frameId, arrivalMs } = frame;
  return { picture: { bgr24, width: frame.width, height: frame.height }, frameId, arrivalMs };
}

function noFrame({ definition, state }: Camera): ChrysError {
  if (state.phase === 'running') {
    return new ChrysError('deadline_exceeded', `Camera "${definition.name}" gave no frame within ${WAIT_MS / 1000} s.`);
  }
  const why = state.message === '' ? `it is ${state.phase}` : state.message;
  return new ChrysError('unavailable', `Camera "${definition.name}" is not connected: ${why}`);
}
