import type { z } from 'zod';
import { ChrysError } from '../../base/errors.js';
import type { Camera, Cameras } from '../../cameras/types.js';
import type { Passthrough } from '../../passthrough/types.js';
import type { Storage } from '../../cloud-storage/types.js';
import { cameraChanges } from '../route-table/camera-bodies.js';

export interface ChangeParts {
  readonly cameras: Cameras;
  readonly passthrough: Pick<Passthrough, 'set'>;
  readonly storage: Pick<Storage, 'set'>;
}

/**
 * Makes the changes of a body, `storage` last, since the cloud can refuse it. Throws invalid_argument when the body
 * changes nothing, not_found, and what the switches throw.
 */
export async function changeCamera(
  name: string,
  body: z.output<typeof cameraChanges>,
  parts: ChangeParts,
): Promise<Camera> {
  const { passthrough, storage } = body;
  const definition = definitionChanges(body);
  const changesDefinition = Object.keys(definition).length > 0;
  if (!changesDefinition && passthrough === undefined && storage === undefined) {
    throw new ChrysError(
      'invalid_argument',
      `The body changes nothing; allowed are ${Object.keys(cameraChanges.shape).join(', ')}.`,
    );
  }
  if (changesDefinition) parts.cameras.update(name, definition);
  if (passthrough !== undefined) parts.passthrough.set(name, passthrough);
  if (storage !== undefined) await parts.storage.set(name, storage);
  return parts.cameras.get(name);
}

function definitionChanges(body: z.output<typeof cameraChanges>) {
  const { transport, record } = body;
  const { tls_verify: tlsVerify, max_pixels: maxPixels } = body;
  const { record_audio: recordAudio, rtmp_endpoint: endpoint } = body;
  return {
    ...(transport === undefined ? {} : { transport }),
    ...(tlsVerify === undefined ? {} : { tlsVerify }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(record === undefined ? {} : { record }),
    ...(recordAudio === undefined ? {} : { recordAudio }),
    ...(endpoint === undefined ? {} : { rtmpEndpoint: endpoint === '' ? null : endpoint }),
  };
}
