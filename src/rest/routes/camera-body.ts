import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { checkCameraName } from '../../cameras/camera-name.js';
import { parseReplayUrl, replayUrl } from '../../cameras/source/replay-url.js';
import type { CameraDefinition } from '../../cameras/types.js';
import type { Config } from '../../config/schema.js';
import { cameraBody, parseBody, replayBody, replayCameraBody } from './bodies.js';
import { nameOfEndpoint } from './names.js';

/** The camera that a body asks for. Throws invalid_argument. */
export function definitionOf(value: unknown, config: Pick<Config, 'camera'>, clock: Clock): CameraDefinition {
  const replay = replayFieldOf(value);
  const body = replay === undefined ? parseBody(cameraBody, value) : parseBody(replayCameraBody, value);
  const rtspEndpoint = replay === undefined ? (body.rtsp_endpoint ?? '') : endpointOf(replay);
  const name = body.name ?? '';
  const rtmpEndpoint = body.rtmp_endpoint ?? '';
  const nowMs = clock.nowMs();
  return {
    name: name === '' ? nameOfEndpoint(rtspEndpoint) : checkCameraName(name),
    rtspEndpoint,
    ...(rtmpEndpoint === '' ? {} : { rtmpEndpoint }),
    transport: body.transport ?? config.camera.transport,
    tlsVerify: body.tls_verify ?? config.camera.tls_verify,
    ...(typeof body.max_pixels === 'number' ? { maxPixels: body.max_pixels } : {}),
    openTimeoutMs: body.open_timeout_ms ?? config.camera.open_timeout_ms,
    stallTimeoutMs: body.stall_timeout_ms ?? config.camera.stall_timeout_ms,
    decoderThreads: body.decoder_threads ?? config.camera.decoder_threads,
    ...(typeof body.record === 'boolean' ? { record: body.record } : {}),
    recordAudio: body.record_audio ?? false,
    createdMs: nowMs,
    modifiedMs: nowMs,
  };
}

function replayFieldOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('replay' in value) || value.replay === null) return undefined;
  if ('rtsp_endpoint' in value && value.rtsp_endpoint !== null) {
    throw new ChrysError('invalid_argument', 'rtsp_endpoint and replay exclude each other: leave one of them out.');
  }
  return value.replay;
}

/** The URL that stands for a replay. */
function endpointOf(value: unknown): string {
  try {
    const { camera, from: fromMs, to: toMs, speed, loop } = parseBody(replayBody, value);
    const url = replayUrl({ camera: checkCameraName(camera), fromMs, toMs, speed: speed ?? 1, loop: loop ?? false });
    parseReplayUrl(url);
    return url;
  } catch (error) {
    if (!(error instanceof ChrysError)) throw error;
    throw new ChrysError(error.kind, `replay: ${error.message}`, { cause: error });
  }
}
