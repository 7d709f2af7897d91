import type { z } from 'zod';
import { ChrysError } from '../../base/errors.js';
import { parseBody } from '../http/parse-body.js';
import { cameraBody, replayBody, replayCameraBody } from './camera-bodies.js';

/** The body of `POST process`, checked. */
export type CameraBody =
  | (z.output<typeof cameraBody> & { readonly kind: 'stream' })
  | (Omit<z.output<typeof replayCameraBody>, 'replay'> & { readonly kind: 'replay'; readonly replay: ReplayBody });
type ReplayBody = z.output<typeof replayBody>;

/** Throws invalid_argument. A body with `replay` is checked as a replay, so that the message is about its fields. */
export function parseCameraBody(value: unknown): CameraBody {
  const replay = replayFieldOf(value);
  if (replay === undefined) return { ...parseBody(cameraBody, value), kind: 'stream' };
  return { ...parseBody(replayCameraBody, value), kind: 'replay', replay: parseReplay(replay) };
}

function replayFieldOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('replay' in value) || value.replay === null) return undefined;
  if ('rtsp_endpoint' in value && value.rtsp_endpoint !== null) {
    throw new ChrysError('invalid_argument', 'rtsp_endpoint and replay exclude each other: leave one of them out.');
  }
  return value.replay;
}

function parseReplay(value: unknown): ReplayBody {
  try {
    return parseBody(replayBody, value);
  } catch (error) {
    throw aboutReplay(error);
  }
}

/** Puts the name of the field before the message of an error in it. */
export function aboutReplay(error: unknown): unknown {
  if (!(error instanceof ChrysError)) return error;
  return new ChrysError(error.kind, `replay: ${error.message}`, { cause: error });
}
