import express, { type Express } from 'express';
import type { Logger } from '../base/log.js';
import { errorHandler, unknownRoute } from './http/answers.js';
import { docsFiles } from './http/docs-files.js';
import { logRequests, neverCached, securityHeaders } from './http/middleware.js';
import { refuseOtherSites } from './http/origin.js';
import { readPage } from './http/page-files.js';
import { routerOf } from './http/router.js';
import { annotationRoutes } from './route-table/annotations.js';
import { cameraRoutes } from './route-table/cameras.js';
import { pictureRoutes } from './route-table/pictures.js';
import { proxyRoutes } from './route-table/proxy.js';
import { recordingRoutes } from './route-table/recordings.js';
import { cloudRoutes, redisRoutes, webhookRoutes } from './route-table/services.js';
import { annotationHandlers, type AnnotationParts } from './routes/annotations.js';
import { cameraHandlers, type CameraParts } from './routes/cameras.js';
import { pictureHandlers, type PictureParts } from './routes/pictures.js';
import { proxyHandlers, type ProxyParts } from './routes/proxy.js';
import { recordingHandlers, type RecordingParts } from './routes/recordings.js';
import {
  cloudHandlers,
  redisHandlers,
  webhookHandlers,
  type CloudParts,
  type RedisParts,
  type WebhookParts,
} from './routes/services.js';

export type RestParts = CameraParts &
  PictureParts &
  RecordingParts &
  AnnotationParts &
  CloudParts &
  WebhookParts &
  RedisParts &
  ProxyParts & { readonly logger: Logger };

/** The REST interface, without a server. Throws failed_precondition when the installation lacks a file of the page. */
export function createRestApp(parts: RestParts): Express {
  const page = readPage();
  const app = express();
  app.set('etag', false);
  app.set('case sensitive routing', true);
  app.use(securityHeaders, neverCached, logRequests(parts), refuseOtherSites);
  app.use(
    routerOf(cameraRoutes, cameraHandlers(parts)),
    routerOf(pictureRoutes, pictureHandlers(parts)),
    routerOf(recordingRoutes, recordingHandlers(parts)),
    routerOf(annotationRoutes, annotationHandlers(parts)),
    routerOf(cloudRoutes, cloudHandlers(parts)),
    routerOf(webhookRoutes, webhookHandlers(parts)),
    routerOf(redisRoutes, redisHandlers(parts)),
    routerOf(proxyRoutes, proxyHandlers(parts, page)),
    page.files,
    docsFiles(),
  );
  app.use(unknownRoute);
  app.use(errorHandler(parts.logger));
  return app;
}
