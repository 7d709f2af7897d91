import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { checkCameraName } from '../../cameras/camera-name.js';
import { parseReplayUrl, replayUrl } from '../../cameras/source/replay-url.js';
import type { CameraDefinition } from '../../cameras/types.js';
import type { Config } from '../../config/schema.js';
import { aboutReplay, type CameraBody } from '../route-table/camera-body-parser.js';

/** The camera that a body describes. Throws invalid_argument. */
export function definitionOf(body: CameraBody, config: Pick<Config, 'camera'>, clock: Clock): CameraDefinition {
  const rtspEndpoint = body.kind === 'replay' ? endpointOf(body.replay) : body.rtsp_endpoint;
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

/** The URL under which a replay is kept. Throws invalid_argument. */
function endpointOf({ camera, from, to, speed, loop }: (CameraBody & { kind: 'replay' })['replay']): string {
  try {
    const range = { camera: checkCameraName(camera), fromMs: from, toMs: to };
    const url = replayUrl({ ...range, speed: speed ?? 1, loop: loop ?? false });
    parseReplayUrl(url);
    return url;
  } catch (error) {
    throw aboutReplay(error);
  }
}

/** The name of a camera that was added without one: the MD5 of its URL, as clients of the original compute it. */
function nameOfEndpoint(rtspEndpoint: string): string {
  return createHash('md5').update(rtspEndpoint).digest('hex');
}
