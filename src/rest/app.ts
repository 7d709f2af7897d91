import express, { type Express, type Request, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { checkCameraName } from '../cameras/camera-name.js';
import type { Camera, CameraDefinition, Cameras } from '../cameras/types.js';
import type { Config } from '../config/schema.js';
import type { NativeAddon } from '../native/types.js';
import type { Passthrough } from '../passthrough/types.js';
import type { StorageSwitch } from '../cloud-storage/storage-switch.js';
import { annotationRoutes, type AnnotationParts } from './routes/annotations.js';
import { errorHandler, onlyMethods, sendError, unknownRoute } from './http/answers.js';
import { changeCamera } from './routes/camera-changes.js';
import { definitionOf } from './routes/camera-body.js';
import { cloudRoutes, type CloudParts } from './routes/cloud.js';
import { sendFrameList } from './routes/frame-list.js';
import { jsonBody } from './http/json-body.js';
import { parseBody, retryBody } from './routes/bodies.js';
import { MjpegStreams } from './routes/mjpeg.js';
import { refuseOtherSites } from './http/origin.js';
import { sendHistorySnapshot } from './routes/history-snapshot.js';
import type { HistorySource } from './routes/history-source.js';
import { pageFiles } from './http/page-files.js';
import { truth } from './http/query.js';
import { sendProbe } from './routes/probe.js';
import { redisRoutes, type RedisParts } from './routes/redis.js';
import { webhookRoutes, type WebhookParts } from './routes/webhooks.js';
import { recordedCamera } from './routes/recorded-camera.js';
import { recordingRoutes, type RecordingParts } from './routes/recordings.js';
import { routesPage } from './routes/routes-page.js';
import { settingsRoutes, type SettingsParts } from './routes/settings.js';
import { sendSnapshot, type EncodeJpeg } from './routes/snapshot.js';
import { streamProcessOf, type StreamProcess } from './routes/stream-process.js';

const BASE = '/api/v1';
const CHANGING_METHODS = ['POST', 'PATCH', 'DELETE'];

export interface RestParts
  extends RecordingParts, AnnotationParts, CloudParts, RedisParts, SettingsParts, WebhookParts {
  readonly cameras: Cameras;
  readonly past: HistorySource;
  readonly passthrough: Passthrough;
  readonly storage: Pick<StorageSwitch, 'set' | 'status'>;
  readonly config: Pick<Config, 'camera'>;
  readonly logger: Logger;
  readonly version: string;
  readonly clock: Clock;
  /** Why the proxy cannot serve yet; undefined when it can. */
  readonly ready: () => string | undefined;
  readonly encodeJpeg: EncodeJpeg;
  readonly frameIds: NativeAddon['frameIds'];
  readonly segmentFrames: NativeAddon['segmentFrames'];
  /** Where gRPC listens; undefined while it does not. */
  readonly grpcPort: () => number | undefined;
  /** Aborted when the proxy stops. */
  readonly stopping: AbortSignal;
  readonly limitUnsent: NativeAddon['limitUnsent'];
}

/** The REST interface, without a server. */
export function createRestApp(parts: RestParts): Express {
  const { cameras } = parts;
  const live = new MjpegStreams(parts);
  const app = express();
  app.set('etag', false);
  app.set('case sensitive routing', true);
  app.use(securityHeaders, neverCached);
  app.use(logRequests(parts));
  app.use(refuseOtherSites);

  for (const { route, handler } of pageFiles()) {
    app.route(route).get(handler).all(onlyMethods('GET'));
  }
  app
    .route('/api')
    .get((_req, res) => void res.type('html').send(routesPage(parts.version)))
    .all(onlyMethods('GET'));
  app
    .route('/healthz')
    .get((_req, res) => void res.json({ status: 'ok', version: parts.version }))
    .all(onlyMethods('GET'));
  app
    .route('/readyz')
    .get((req, res) => {
      const why = parts.ready();
      if (why === undefined) {
        res.json({ status: 'ok' });
      } else {
        sendError(req, res, 503, why);
      }
    })
    .all(onlyMethods('GET'));
  app
    .route(`${BASE}/processlist`)
    .get((req, res) => {
      const shown = shownParts(req);
      res.json(cameras.list().map((camera) => processAnswer(camera, parts, shown)));
    })
    .all(onlyMethods('GET'));
  app
    .route(`${BASE}/process`)
    .post(jsonBody, (req, res) => {
      addCamera(definitionOf(req.body, parts.config, parts.clock), cameras);
      res.status(200).end();
    })
    .all(onlyMethods('POST'));
  app
    .route(`${BASE}/process/:name`)
    .get((req, res) => {
      res.json(processAnswer(cameras.get(checkCameraName(req.params.name)), parts, shownParts(req)));
    })
    .patch(jsonBody, async (req, res) => {
      const camera = await changeCamera(checkCameraName(req.params.name), req.body, parts);
      res.json(processAnswer(camera, parts, shownParts(req)));
    })
    .delete(async (req, res) => {
      await cameras.remove(checkCameraName(req.params.name));
      res.status(200).end();
    })
    .all(onlyMethods('GET', 'PATCH', 'DELETE'));
  app
    .route(`${BASE}/process/:name/retry`)
    .post(jsonBody, (req, res) => {
      const { forget } = parseBody(retryBody, req.body ?? {});
      const camera = cameras.retry(checkCameraName(req.params.name), { forget: forget ?? false });
      res.json(processAnswer(camera, parts, shownParts(req)));
    })
    .all(onlyMethods('POST'));
  app
    .route(`${BASE}/probe`)
    .post(jsonBody, async (req, res) => {
      await sendProbe(req, res, parts);
    })
    .all(onlyMethods('POST'));
  app
    .route(`${BASE}/process/:name/snapshot.jpg`)
    .get(async (req, res) => {
      const { name } = req.params;
      if (req.query['at'] !== undefined) await sendHistorySnapshot(req, res, recordedCamera(name, parts), parts.past);
      else await sendSnapshot(req, res, cameras.get(checkCameraName(name)), parts.encodeJpeg);
    })
    .all(onlyMethods('GET'));
  app
    .route(`${BASE}/process/:name/frames`)
    .get(async (req, res) => {
      await sendFrameList(req, res, recordedCamera(req.params.name, parts), parts);
    })
    .all(onlyMethods('GET'));
  app
    .route(`${BASE}/process/:name/stream.mjpeg`)
    .get((req, res) => {
      live.send(req, res, checkCameraName(req.params.name));
    })
    .all(onlyMethods('GET'));
  app.use(recordingRoutes(BASE, parts));
  app.use(annotationRoutes(BASE, parts));
  app.use(cloudRoutes(BASE, parts));
  app.use(webhookRoutes(BASE, parts));
  app.use(redisRoutes(BASE, parts));
  app
    .route(`${BASE}/info`)
    .get((_req, res) => void res.json(infoAnswer(parts)))
    .all(onlyMethods('GET'));
  app.use(settingsRoutes(BASE, parts));

  app.use(unknownRoute);
  app.use(errorHandler(parts.logger));
  return app;
}

/** No Strict-Transport-Security: we speak plain HTTP. */
const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], imgSrc: ["'self'"], frameAncestors: ["'none'"], baseUri: ["'none'"] },
  },
  strictTransportSecurity: false,
});

/** An answer is true for a moment only. */
const neverCached: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};

/** Changes are logged as info, questions as debug: `docker` and the portal ask every second. */
function logRequests({ logger, clock }: RestParts): RequestHandler {
  return (req, res, next) => {
    const startedMs = clock.monotonicMs();
    const { method, path } = req;
    res.on('finish', () => {
      const level = CHANGING_METHODS.includes(method) ? 'info' : 'debug';
      const tookMs = Math.round(clock.monotonicMs() - startedMs);
      logger[level]({ method, path: path.slice(0, 200), status: res.statusCode, tookMs }, 'request');
    });
    next();
  };
}

function processAnswer(camera: Camera, parts: RestParts, shown: { readonly logs: boolean }): StreamProcess {
  const { name } = camera.definition;
  const services = {
    recording: parts.recordings.status(name),
    passthrough: parts.passthrough.status(name),
    storage: parts.storage.status(name),
  };
  return streamProcessOf(camera, services, shown);
}

/** What the cameras refuse of a definition that passed `definitionOf` is its URL, and the sender knows that as a field. */
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

/** Whoever asks every second hardly wants a hundred lines of each camera. */
function shownParts({ query }: Request): { readonly logs: boolean } {
  return { logs: truth(query, 'logs', true) };
}

/** Ages are told apart by the proxy's own clock, so whoever shows them needs it. */
function infoAnswer({ version, grpcPort, clock }: RestParts) {
  return { version, grpc_port: grpcPort() ?? null, time: clock.nowMs() };
}
