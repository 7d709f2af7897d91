import { ChrysError } from '../../base/errors.js';
import type { Camera, Cameras } from '../../cameras/types.js';
import type { Recordings } from '../../recording/types.js';
import type { ClipStore } from '../../database/clips.js';

/** A camera, or a camera that was removed and of which recordings are left. */
export interface RecordedCamera {
  readonly name: string;
  /** Undefined: the camera was removed. */
  readonly camera: Camera | undefined;
}

export interface RecordedCameraParts {
  readonly cameras: Pick<Cameras, 'get'>;
  readonly recordings: Pick<Recordings, 'has'>;
  readonly clips: Pick<ClipStore, 'list'>;
}

/** Throws not_found when there is neither a camera of this name nor a recording or clip of it. */
export function recordedCamera(name: string, { cameras, recordings, clips }: RecordedCameraParts): RecordedCamera {
  try {
    return { name, camera: cameras.get(name) };
  } catch (error) {
    const isUnknown = error instanceof ChrysError && error.kind === 'not_found';
    if (isUnknown && (recordings.has(name) || clips.list(name).length > 0)) return { name, camera: undefined };
    throw error;
  }
}
