import { annotationGroup } from './annotations.js';
import { cameraGroup } from './cameras.js';
import { pictureGroup } from './pictures.js';
import { proxyGroup } from './proxy.js';
import { recordingGroup } from './recordings.js';
import type { RouteGroup } from './route.js';
import { serviceGroups } from './services.js';

/** Every route of the REST interface, in the order in which the documents show them. */
export const ROUTE_TABLE: readonly RouteGroup[] = [
  cameraGroup,
  pictureGroup,
  recordingGroup,
  annotationGroup,
  ...serviceGroups,
  proxyGroup,
];
