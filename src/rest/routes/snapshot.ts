import type { Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import { DEFAULT_OUTPUT_FORMAT } from '../../cameras/frames/demand.js';
import type { Camera, FrameRef, FrameOptions } from '../../cameras/types.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';

/** Maximum wait for a frame. Long enough for the next keyframe of a usual stream. */
const WAIT_MS = 5000;
/** A frame can be overwritten while it is copied. Then the newer frame is copied. */
const MAX_COPIES = 5;
const LOOP_QUALITY = 80;

export interface Picture {
  /** Rows without padding, `width * height * 3` bytes. */
  readonly bgr24: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Pixels; the height follows from the aspect ratio. Undefined: the picture keeps its size. */
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

/** A copy of a frame. */
interface TakenPicture extends Omit<Snapshot, 'jpeg'> {
  readonly picture: Picture;
}

/** What a caller chooses. */
export interface SnapshotOptions {
  /** Pixels; undefined: the camera's own size. */
  readonly width?: number | undefined;
  /** 1 to 100; undefined: the default of the encoder. */
  readonly quality?: number | undefined;
  /** True: only a keyframe. */
  readonly keyframe: boolean;
}

type SnapshotSize = Omit<SnapshotOptions, 'keyframe'>;

export type EncodeJpeg = (picture: Picture) => Promise<Buffer>;

/**
 * Sends the newest frame. Throws unavailable when the camera is not connected, deadline_exceeded when it delivers no frame
 * in time.
 */
export async function sendSnapshot(
  res: Response,
  camera: Camera,
  { keyframe, ...size }: SnapshotOptions,
  encode: EncodeJpeg,
): Promise<void> {
  const gone = new AbortController();
  res.on('close', () => {
    gone.abort();
  });
  const snapshot = keyframe
    ? await takeJpeg(camera, size, true, gone.signal)
    : await takeNewest(camera, size, gone.signal, encode);
  if (snapshot !== undefined && !gone.signal.aborted) {
    sendJpeg(res, snapshot);
  }
}

/** Sends a JPEG with headers that identify the frame. */
export function sendJpeg(res: Response, { jpeg, frameId, arrivalMs }: Snapshot): void {
  res.set('X-Frame-Id', String(frameId)).set('X-Timestamp', String(arrivalMs));
  res.set('Content-Type', 'image/jpeg').send(Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength));
}

/** Undefined when the client has disconnected. */
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
 * A JPEG that the capture loop encodes; undefined when the client has disconnected.
 *
 * To decode the newest frame, all packets since the last keyframe are decoded; a keyframe needs only its own packet. So a
 * keyframe costs much less for a client that asks every few seconds. Clients that want the same width share one JPEG.
 */
async function takeJpeg(
  camera: Camera,
  { width = 0, quality = LOOP_QUALITY }: SnapshotSize,
  keyframesOnly: boolean,
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const outputFormat = { format: PICTURE_FORMAT.jpeg, width, height: 0, quality, enlarge: false };
  const options = { outputFormat, keyframesOnly, intervalMs: 0, withholdCorrupt: false };
  for (let attempt = 0; attempt < MAX_COPIES; attempt += 1) {
    const frame = await nextFrame(camera, options, signal);
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

/** The newest frame with these options; undefined when none comes in time, or when the client has disconnected. */
async function nextFrame(camera: Camera, options: FrameOptions, signal: AbortSignal): Promise<FrameRef | undefined> {
  return await new Promise((resolve) => {
    const query = { options, after: 0, sinceLastMs: Infinity, waitMs: WAIT_MS, maxAgeMs: 0 };
    const end = camera.frames.request(query, resolve);
    signal.addEventListener('abort', () => {
      end();
      resolve(undefined);
    });
  });
}

/** Undefined when the client has disconnected; 'too large' when the picture does not fit into a message as BGR24. */
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
    return new ChrysError(
      'deadline_exceeded',
      `Camera "${definition.name}" delivered no frame within ${WAIT_MS / 1000} s.`,
    );
  }
  const why = state.message === '' ? `it is ${state.phase}` : state.message;
  return new ChrysError('unavailable', `Camera "${definition.name}" is not connected: ${why}`);
}
