/**
 * The recorder thread, which records all cameras. It reads their packet rings several times a second and blocks while it
 * writes to the disk; the rings hold enough packets for that time.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock } from '../base/clock.js';
import { loadAddon } from '../native/addon.js';
import { SegmentIndex } from '../database/segment-index.js';
import type { FromRecorder, RecorderWorkerData, ToRecorder } from './messages.js';
import { Recorder } from './recorder.js';

/** How often the rings are read. Waking for each packet would cost more than all the writing. */
const TICK_MS = 250;
/** A check works for CHECK_STEP_MS and then pauses for CHECK_PAUSE_MS. */
const CHECK_STEP_MS = 5;
const CHECK_PAUSE_MS = 20;

if (parentPort === null) throw new Error('recorder-worker.js runs only as a worker thread');
const port = parentPort;
const data = workerData as RecorderWorkerData;
const index = new SegmentIndex(data.dataDir, 'write');
const recorder = new Recorder({
  data,
  addon: loadAddon(),
  index: index.writer(),
  monotonicMs: () => systemClock.monotonicMs(),
  post: (message: FromRecorder) => {
    port.postMessage(message);
  },
});
let ticking: NodeJS.Timeout | undefined;
let checking: NodeJS.Timeout | undefined;
let stopped = false;

/** Writes a segment of each camera, then reads messages, until there is nothing to write. */
function work(): void {
  if (stopped) return;
  const worked = recorder.round();
  recorder.report();
  if (worked) setImmediate(work);
  else if (recorder.isRecording) ticking = setTimeout(work, TICK_MS);
  else ticking = undefined;
}

function check(): void {
  checking = undefined;
  if (stopped) return;
  recorder.stepCheck(CHECK_STEP_MS);
  keepGoing();
}

function keepGoing(): void {
  if (recorder.isChecking) checking ??= setTimeout(check, CHECK_PAUSE_MS);
  if (recorder.isRecording) ticking ??= setTimeout(work, TICK_MS);
}

port.on('message', (message: ToRecorder) => {
  if (message.kind !== 'stop') {
    recorder.take(message);
    recorder.report();
    keepGoing();
    return;
  }
  stopped = true;
  clearTimeout(ticking);
  clearTimeout(checking);
  recorder.finish();
  index.close();
  port.close();
});
