/** The names of all Redis keys. The keys of a camera have the names that programs for the original proxy use. */

const LAST_ACCESS = 'last_access_time_';
const KEYFRAMES_ONLY = 'is_key_frame_only_';
const CODEC = 'codec_video_info';
/** All prefixes of camera keys, including keys of the original proxy that are not used here. */
const CAMERA_PREFIXES = [
  LAST_ACCESS,
  KEYFRAMES_ONLY,
  CODEC,
  'in_memory_queue_',
  'memory_iframe_list_',
  'memory_decoded_',
];

/** Field in the hash of lastAccessKey: when a program last requested frames, in milliseconds since the epoch. */
export const LAST_QUERY = 'last_query';

/** Stream of frames. Its field `data` is a VideoFrame message. */
export function framesKey(camera: string): string {
  return camera;
}

/** String with a VideoCodec message. */
export function codecKey(camera: string): string {
  return CODEC + camera;
}

/** Hash that programs write when they request frames. */
export function lastAccessKey(camera: string): string {
  return LAST_ACCESS + camera;
}

/** String "true" or "false" that programs write: whether they request keyframes only. */
export function keyframesOnlyKey(camera: string): string {
  return KEYFRAMES_ONLY + camera;
}

/** Whether this camera name can be a key of another camera. Our other keys have a ':', which no camera name has. */
export function isKeyOfAnother(camera: string): boolean {
  return CAMERA_PREFIXES.some((prefix) => camera.startsWith(prefix));
}

/** Stream of events. */
export function eventsKey(prefix: string): string {
  return `${prefix}:events`;
}

/** Hash of camera states: camera name → JSON. */
export function camerasKey(prefix: string): string {
  return `${prefix}:cameras`;
}
