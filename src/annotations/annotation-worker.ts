/**
 * The one thread that keeps and sends the annotations of all cameras: its database waits for the disk, and nobody else
 * does. Another one does the same for the events that go to a webhook.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import { AnnotationQueue } from '../database/annotation-queue.js';
import { AnnotationService } from './annotation-service.js';
import { Endpoint } from '../cloud/endpoint.js';
import { ANNOTATION_NAMES } from './queue-names.js';
import type { AnnotationWorkerData, FromAnnotationWorker, ToAnnotationWorker } from './messages.js';

/** What is on its way when the proxy stops may arrive for so long. */
const SEND_GRACE_MS = 1000;

if (parentPort === null) throw new Error('annotation-worker.js runs only as a worker thread');
const port = parentPort;

function post(message: FromAnnotationWorker): void {
  port.postMessage(message);
}

function opened({ dataDir, names = ANNOTATION_NAMES }: AnnotationWorkerData): AnnotationQueue {
  try {
    return new AnnotationQueue(dataDir, names);
  } catch (error) {
    const kind = error instanceof ChrysError ? error.kind : 'internal';
    post({ kind: 'unusable', error: { kind, message: messageOf(error) } });
    throw error;
  }
}

function serve(data: AnnotationWorkerData, queue: AnnotationQueue): void {
  const endpoint = new Endpoint(data.endpoint, data.timeoutMs);
  const service = new AnnotationService({ data, queue, endpoint, clock: systemClock, post });
  port.on('message', (message: ToAnnotationWorker) => {
    if (message.kind !== 'stop') {
      void service.take(message);
      return;
    }
    void service.stop(SEND_GRACE_MS).then(() => {
      endpoint.close();
      queue.close();
      port.close();
    });
  });
  post({ kind: 'opened' });
}

const data = workerData as AnnotationWorkerData;
serve(data, opened(data));
