import type { CameraDefinition } from '../../src/database/camera-definition.js';

/** The definition of an RTSP camera with short timeouts. */
export function cameraDefinition(name: string, changes: Partial<CameraDefinition> = {}): CameraDefinition {
  return {
    name,
    rtspEndpoint: 'rtsp://camera/stream',
    transport: 'tcp',
    tlsVerify: 'pin',
    openTimeoutMs: 1000,
    stallTimeoutMs: 1000,
    decoderThreads: 1,
    recordAudio: false,
    createdMs: 0,
    modifiedMs: 0,
    ...changes,
  };
}
