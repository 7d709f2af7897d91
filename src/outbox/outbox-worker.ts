/** The thread of an outbox without an extension. It waits for the disk, so that the main thread does not. */
import { workerData } from 'node:worker_threads';
import type { OutboxData } from './messages.js';
import { serveOutbox } from './serve-outbox.js';

serveOutbox(workerData as OutboxData);
