import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import type { Camera, CameraDefinition, Cameras } from '../../cameras/types.js';
import type { Config } from '../../config/schema.js';
import type { Passthrough } from '../../passthrough/types.js';
import type { Recordings } from '../../recording/types.js';
import type { Storage } from '../../cloud-storage/types.js';
import type { Handlers } from '../http/router.js';
import type { cameraRoutes } from '../route-table/cameras.js';
import type { StreamProcess } from '../route-table/stream-process.js';
import { changeCamera } from './camera-changes.js';
import { definitionOf } from './camera-definition.js';
import { probe } from './probe.js';
import { streamProcessOf } from './stream-process.js';

export interface CameraParts {
  readonly cameras: Cameras;
  readonly recordings: Pick<Recordings, 'status'>;
  readonly passthrough: Passthrough;
  readonly storage: Storage;
  readonly config: Pick<Config, 'camera'>;
  readonly clock: Clock;
}

export function cameraHandlers(parts: CameraParts): Handlers<typeof cameraRoutes> {
  const { cameras, config, clock } = parts;
  const show = (camera: Camera, shown: { readonly logs: boolean }): StreamProcess => {
    const { name } = camera.definition;
    const services = {
      recording: parts.recordings.status(name),
      passthrough: parts.passthrough.status(name),
      storage: parts.storage.status(name),
    };
    return streamProcessOf(camera, services, shown);
  };
  return {
    listCameras: ({ query }) => cameras.list().map((camera) => show(camera, query)),
    addCamera: ({ body }) => {
      addCamera(definitionOf(body, config, clock), cameras);
    },
    getCamera: ({ params, query }) => show(cameras.get(params.name), query),
    changeCamera: async ({ params, query, body }) => show(await changeCamera(params.name, body, parts), query),
    removeCamera: ({ params }) => cameras.remove(params.name),
    retryCamera: ({ params, query, body }) => show(cameras.retry(params.name, { forget: body.forget ?? false }), query),
    probe: ({ body, res }) => probe(body, res, parts),
  };
}

/** The only field that can still be wrong in a definition is the URL, so its error names the field of the body. */
function addCamera(definition: CameraDefinition, cameras: Cameras): void {
  try {
    cameras.add(definition);
  } catch (error) {
    if (error instanceof ChrysError && error.kind === 'invalid_argument') {
      throw new ChrysError(error.kind, `rtsp_endpoint: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
