/** The names of all keys. Those of a camera are what programs written against the original read and write. */

const LAST_ACCESS = 'last_access_time_';
const KEYFRAMES_ONLY = 'is_key_frame_only_';
const CODEC = 'codec_video_info';
/** The original has further keys of this form, which are neither read nor written here. */
const OF_CAMERAS = [LAST_ACCESS, KEYFRAMES_ONLY, CODEC, 'in_memory_queue_', 'memory_iframe_list_', 'memory_decoded_'];

/** In the hash of lastAccessKey: when a program last wanted frames, milliseconds since the epoch. */
export const LAST_QUERY = 'last_query';

/** A stream; field `data` = a VideoFrame. */
export function framesKey(camera: string): string {
  return camera;
}

/** A string: a VideoCodec. */
export function codecKey(camera: string): string {
  return CODEC + camera;
}

/** A hash, written by programs that want frames. */
export function lastAccessKey(camera: string): string {
  return LAST_ACCESS + camera;
}

/** A string, "true" or "false", written by them. */
export function keyframesOnlyKey(camera: string): string {
  return KEYFRAMES_ONLY + camera;
}

/** Such a name is, or might be, a key of another camera. All of ours have a ':', which no camera's name has. */
export function isKeyOfAnother(camera: string): boolean {
  return OF_CAMERAS.some((prefix) => camera.startsWith(prefix));
}

/** A stream of what happened. */
export function eventsKey(prefix: string): string {
  return `${prefix}:events`;
}

/** A hash of how each camera is: its name → JSON. */
export function camerasKey(prefix: string): string {
  return `${prefix}:cameras`;
}
