import { ChrysError } from '../base/errors.js';
import type { AnnotateRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';

const MAX_DISTANCE_MS = 7 * 86_400_000;

/** Throws invalid_argument with the field, its value, and what is allowed. */
export function checkRequest(request: AnnotateRequest, nowMs: number): void {
  if (request.deviceName === '') {
    throw refused('device_name is missing: name the camera that the annotation is about');
  }
  if (request.type === '') {
    throw refused('type is missing: say what kind of event it is, for example "moving"');
  }
  if (Math.abs(request.startTimestamp - nowMs) > MAX_DISTANCE_MS) {
    throw refused(
      `start_timestamp: ${request.startTimestamp} is not allowed; allowed are milliseconds since the epoch within 7 ` +
        `days of now, which is ${nowMs}`,
    );
  }
  const field = fieldThatIsNotFinite(request);
  if (field !== undefined) {
    throw refused(`${field}: infinity and "not a number" are not allowed, because JSON has neither`);
  }
}

function fieldThatIsNotFinite(request: AnnotateRequest): string | undefined {
  const numbers: Readonly<Record<string, readonly number[]>> = {
    confidence: [request.confidence],
    location: Object.values(request.location ?? {}),
    object_coordinate: Object.values(request.objectCoordinate ?? {}),
    mask: request.mask.flatMap(({ x, y, z }) => [x, y, z]),
    object_signature: request.objectSignature,
  };
  return Object.keys(numbers).find((name) => !numbers[name]?.every(Number.isFinite));
}

function refused(message: string): ChrysError {
  return new ChrysError('invalid_argument', message);
}
