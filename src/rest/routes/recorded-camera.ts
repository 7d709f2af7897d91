import { ChrysError } from '../../base/errors.js';
import { checkCameraName } from '../../cameras/camera-name.js';
import type { Camera, Cameras } from '../../cameras/types.js';
import type { Recordings } from '../../recording/types.js';
import type { ClipStore } from '../../database/clips.js';

/** A camera, or what is left of one. */
export interface RecordedCamera {
  readonly name: string;
  /** Undefined: it was removed, and its recordings are still there. */
  readonly camera: Camera | undefined;
}

export interface WhereCamerasAre {
  readonly cameras: Pick<Cameras, 'get'>;
  readonly recordings: Pick<Recordings, 'has'>;
  readonly clips: Pick<ClipStore, 'list'>;
}

/** Throws invalid_argument for what is no name, not_found when there is neither a camera nor a recording of it. */
export function recordedCamera(text: string, { cameras, recordings, clips }: WhereCamerasAre): RecordedCamera {
  const name = checkCameraName(text);
  try {
    return { name, camera: cameras.get(name) };
  } catch (error) {
    const isUnknown = error instanceof ChrysError && error.kind === 'not_found';
    if (isUnknown && (recordings.has(name) || clips.list(name).length > 0)) return { name, camera: undefined };
    throw error;
  }
}
