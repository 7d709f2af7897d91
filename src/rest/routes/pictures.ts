import type { Clock } from '../../base/clock.js';
import type { Cameras } from '../../cameras/types.js';
import type { NativeAddon } from '../../native/types.js';
import type { Recordings } from '../../recording/types.js';
import type { Handlers } from '../http/router.js';
import { checkTimeRange } from '../route-table/parameters.js';
import type { pictureRoutes } from '../route-table/pictures.js';
import { listFrames } from './frame-list.js';
import { sendHistorySnapshot } from './history-snapshot.js';
import type { HistorySource } from './history-source.js';
import { MjpegStreams } from './mjpeg.js';
import { recordedCamera, type RecordedCameraParts } from './recorded-camera.js';
import { sendSnapshot, type EncodeJpeg } from './snapshot.js';

export interface PictureParts
  extends RecordedCameraParts, Pick<NativeAddon, 'frameIds' | 'segmentFrames' | 'limitUnsent'> {
  readonly cameras: Cameras;
  readonly recordings: Recordings;
  readonly history: HistorySource;
  readonly clock: Clock;
  readonly encodeJpeg: EncodeJpeg;
  /** Aborted when the proxy stops. */
  readonly stopping: AbortSignal;
}

export function pictureHandlers(parts: PictureParts): Handlers<typeof pictureRoutes> {
  const { cameras, encodeJpeg, history } = parts;
  const streams = new MjpegStreams(parts);
  return {
    getSnapshot: async ({ params, query, res }) => {
      const { at, ...options } = query;
      if (at === undefined) await sendSnapshot(res, cameras.get(params.name), options, encodeJpeg);
      else await sendHistorySnapshot(res, recordedCamera(params.name, parts), { ...options, atMs: at }, history);
    },
    streamMjpeg: ({ params, query, req, res }) => {
      streams.send(req, res, params.name, query);
    },
    listFrames: ({ params, query }) => {
      const { after, limit } = query;
      return listFrames(recordedCamera(params.name, parts), { ...checkTimeRange(query), after, limit }, parts);
    },
  };
}
