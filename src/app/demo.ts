import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { ChrysError } from '../base/errors.js';
import type { CameraDefinition } from '../cameras/types.js';

export const DEMO_CAMERA = 'demo';

const CLIP = fileURLToPath(new URL('../../config/demo.mp4', import.meta.url));

/** The camera of `--demo`: a clip that comes with the program, repeated in real time. */
export function demoCamera(nowMs: number): CameraDefinition {
  if (!existsSync(CLIP)) {
    throw new ChrysError('failed_precondition', `The demo clip ${CLIP} is missing: install chrysproxy again.`);
  }
  return {
    name: DEMO_CAMERA,
    rtspEndpoint: pathToFileURL(CLIP).href,
    transport: 'auto',
    tlsVerify: 'pin',
    openTimeoutMs: 10_000,
    stallTimeoutMs: 5000,
    decoderThreads: 1,
    recordAudio: false,
    createdMs: nowMs,
    modifiedMs: nowMs,
  };
}
