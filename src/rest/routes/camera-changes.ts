import { ChrysError } from '../../base/errors.js';
import type { Camera, Cameras } from '../../cameras/types.js';
import type { Passthrough } from '../../passthrough/types.js';
import type { Storage } from '../../cloud-storage/types.js';
import { cameraChanges, parseBody } from './bodies.js';

export interface ChangeParts {
  readonly cameras: Cameras;
  readonly passthrough: Pick<Passthrough, 'set'>;
  readonly storage: Pick<Storage, 'set'>;
}

/**
 * Changes what a body asks for, the cloud's part last, since that may fail. Throws invalid_argument when nothing is to be
 * changed, not_found, and what the switches throw.
 */
export async function changeCamera(name: string, value: unknown, parts: ChangeParts): Promise<Camera> {
  const {
    transport,
    tls_verify: tlsVerify,
    max_pixels: maxPixels,
    record,
    record_audio: recordAudio,
    rtmp_endpoint: endpoint,
    passthrough,
    storage,
  } = parseBody(cameraChanges, value);
  const plain = {
    ...(transport === undefined ? {} : { transport }),
    ...(tlsVerify === undefined ? {} : { tlsVerify }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(record === undefined ? {} : { record }),
    ...(recordAudio === undefined ? {} : { recordAudio }),
    ...(endpoint === undefined ? {} : { rtmpEndpoint: endpoint === '' ? null : endpoint }),
  };
  const changesPlain = Object.keys(plain).length > 0;
  if (!changesPlain && passthrough === undefined && storage === undefined) {
    throw new ChrysError(
      'invalid_argument',
      `The body changes nothing; allowed are ${Object.keys(cameraChanges.shape).join(', ')}.`,
    );
  }
  if (changesPlain) parts.cameras.update(name, plain);
  if (passthrough !== undefined) parts.passthrough.set(name, passthrough);
  if (storage !== undefined) await parts.storage.set(name, storage);
  return parts.cameras.get(name);
}
