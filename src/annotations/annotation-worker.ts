/** The thread of the annotations: an outbox, extended by evidence. */
import { workerData } from 'node:worker_threads';
import { serveOutbox } from '../outbox/serve-outbox.js';
import { annotationExtension } from './annotation-extension.js';
import type { AnnotationData } from './messages.js';

const data = workerData as AnnotationData;
serveOutbox(data, (context) => annotationExtension(data, context));
