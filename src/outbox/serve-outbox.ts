import { parentPort } from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import { errorMessageOf, type QuestionMap } from '../base/worker-questions.js';
import { Endpoint } from '../cloud/endpoint.js';
import type { Extend } from './extension.js';
import type { NewItem } from './item.js';
import type { FromOutboxWorker, OutboxData, ToOutboxWorker } from './messages.js';
import { OutboxService } from './outbox-service.js';
import { QueueDatabase } from './queue-database.js';

/** How long running batches may go on when the proxy stops. */
const STOP_GRACE_MS = 1000;

/** Runs an outbox in this worker thread until the main thread stops it. Throws when the database cannot be used. */
export function serveOutbox<Item extends NewItem, Questions extends QuestionMap<Questions>>(
  data: OutboxData,
  extend?: Extend<Item, Questions>,
): void {
  if (parentPort === null) throw new Error('serveOutbox works only in a worker thread');
  const port = parentPort;
  const post = (message: FromOutboxWorker<Questions>): void => {
    port.postMessage(message);
  };
  let queue: QueueDatabase;
  try {
    queue = new QueueDatabase(data.dataDir, data.names);
  } catch (error) {
    post({ kind: 'unusable', error: errorMessageOf(error) });
    throw error;
  }
  const endpoint = new Endpoint(data.endpoint, data.timeoutMs);
  const service = new OutboxService({ data, queue, endpoint, clock: systemClock, post, extend });
  port.on('message', (message: ToOutboxWorker<Item, Questions>) => {
    if (message.kind !== 'stop') {
      void service.handle(message);
      return;
    }
    void service.stop(STOP_GRACE_MS).then(() => {
      endpoint.close();
      queue.close();
      port.close();
    });
  });
  post({ kind: 'opened' });
}
