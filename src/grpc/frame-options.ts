import { ChrysError } from '../base/errors.js';
import type { FrameOptions, OutputFormat } from '../cameras/types.js';
import { PICTURE_FORMAT } from '../gen/ring-layout.js';
import {
  PictureFormat,
  type VideoFrameBufferedRequest,
  type VideoFrameRequest,
} from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';

const MAX_SIDE = 16_384;
/** A larger BGR24 picture exceeds the 50 MiB that clients receive at most. */
const MAX_PIXELS = Math.floor((50 * 1024 * 1024) / 3);
const MAX_INTERVAL_MS = 24 * 3600 * 1000;
const DEFAULT_QUALITY = 85;
const DEFAULT_WAIT_MS = 1000;
const MAX_WAIT_MS = 10 * 60 * 1000;
const FORMATS: readonly number[] = Object.values(PICTURE_FORMAT);

/** Throws invalid_argument that names the field. */
export function frameOptionsOf(request: VideoFrameRequest): FrameOptions {
  const { intervalMs, keyFrameOnly, withholdCorrupt } = request;
  checkInterval(intervalMs, keyFrameOnly);
  return { outputFormat: outputFormatOf(request), keyframesOnly: keyFrameOnly, intervalMs, withholdCorrupt };
}

type FormatFields = Pick<
  VideoFrameRequest & VideoFrameBufferedRequest,
  'width' | 'height' | 'format' | 'quality' | 'enlarge'
>;

/** Throws invalid_argument that names the field. */
export function outputFormatOf({ width, height, format, quality, enlarge }: FormatFields): OutputFormat {
  check('width', width, 0, MAX_SIDE);
  check('height', height, 0, MAX_SIDE);
  if (enlarge && width * height > MAX_PIXELS) {
    throw invalid('width', `${width}x${height} has more than ${MAX_PIXELS} pixels. Request fewer.`);
  }
  if (!FORMATS.includes(format)) {
    const names = Object.entries(PICTURE_FORMAT).map(([name, number]) => `${number} (${name.toUpperCase()})`);
    throw invalid('format', `${format} is unknown; allowed are ${names.join(', ')}.`);
  }
  check('quality', quality, 0, 100);
  const jpegQuality = quality === 0 ? DEFAULT_QUALITY : quality;
  return { format, width, height, quality: format === PictureFormat.JPEG ? jpegQuality : 0, enlarge };
}

/**
 * Throws invalid_argument when enlarged frames would exceed MAX_PIXELS. Without `enlarge` no frame is larger than the
 * camera's pictures.
 */
export function checkSize(
  format: OutputFormat,
  frame: { readonly width: number; readonly height: number } | undefined,
): void {
  if (!format.enlarge || frame === undefined || frame.width === 0 || frame.height === 0) return;
  const aspect = frame.width / frame.height;
  const width = format.width > 0 ? format.width : format.height > 0 ? format.height * aspect : frame.width;
  const height = format.height > 0 ? format.height : width / aspect;
  if (width * height > MAX_PIXELS) {
    const size = `${Math.round(width)}x${Math.round(height)}`;
    throw invalid('enlarge', `a picture of ${size} has more than ${MAX_PIXELS} pixels. Request fewer.`);
  }
}

/** Throws invalid_argument. */
export function checkInterval(intervalMs: number, keyframesOnly: boolean): void {
  check('interval_ms', intervalMs, 0, MAX_INTERVAL_MS);
  if (intervalMs > 0 && keyframesOnly) {
    throw invalid('interval_ms', 'it cannot be combined with key_frame_only. Set only one of them.');
  }
}

/** How long a call with this wait_ms waits for a frame, milliseconds. Throws invalid_argument. */
export function waitMsOf({ waitMs }: VideoFrameRequest): number {
  check('wait_ms', waitMs, -1, MAX_WAIT_MS);
  if (waitMs === 0) return DEFAULT_WAIT_MS;
  return Math.max(0, waitMs);
}

/** Throws invalid_argument. */
export function maxAgeMsOf({ maxAgeMs }: VideoFrameRequest): number {
  check('max_age_ms', maxAgeMs, 0, 2 ** 31 - 1);
  return maxAgeMs;
}

function check(field: string, value: number, min: number, max: number): void {
  if (value < min || value > max) throw invalid(field, `${value} is not allowed; allowed is ${min} to ${max}.`);
}

function invalid(field: string, what: string): ChrysError {
  return new ChrysError('invalid_argument', `${field}: ${what}`);
}
