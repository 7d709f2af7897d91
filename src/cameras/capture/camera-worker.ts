/**
 * The thread of one camera. On 'open' it runs the native capture loop, which blocks this thread, and then reports how the
 * capture ended. An error that is thrown here ends this thread, and the supervisor starts another one for the camera.
 */
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

import { systemClock } from '../../base/clock.js';
import { CONTROL } from '../../gen/ring-layout.js';
import { loadAddon } from '../../native/addon.js';
import type { CaptureEnd, CaptureHooks, CaptureResult } from '../../native/types.js';
import { Control } from '../../rings/control.js';
import { PacketReader } from '../../rings/packet-reader.js';
import { resolveHost } from '../source/resolve-host.js';
import type { FromWorker, OpenMessage, ToWorker, WorkerData } from './worker-messages.js';

if (parentPort === null) throw new Error('camera-worker.js runs only as a worker thread');
const port = parentPort;
const data = workerData as WorkerData;
const control = new Control(data.control);
const controlBytes = new Uint8Array(data.control);
const packetRing = new Uint8Array(data.packetRing);
const packets = new PacketReader(data.packetRing);
const addon = loadAddon();
/** One for each output. */
const frameRings: SharedArrayBuffer[] = [];
let compacted = false;

const hooks: CaptureHooks = {
  onStream: (info) => {
    // The capture loop calls this before it stores the first packet of the new stream.
    post({ kind: 'stream', info, fromSequence: packets.end() });
  },
  allocateFrameRing: (output, bytes) => {
    // Reuses the ring of the last connection: its readers need no new one, and no memory has to be cleared.
    let ring = frameRings[output];
    if (ring?.byteLength !== bytes) {
      ring = new SharedArrayBuffer(bytes);
      frameRings[output] = ring;
      post({ kind: 'frameRing', output, ring });
    }
    return new Uint8Array(ring);
  },
  onFrame: () => {
    Atomics.notify(control.i32, CONTROL.frameEventI32);
  },
  onPacket: () => {
    Atomics.notify(control.i32, CONTROL.packetEventI32);
  },
  onLearned: (learned) => {
    post({ kind: 'learned', learned });
  },
  onLog: (level, text) => {
    post({ kind: 'log', level, text });
  },
};

function post(message: FromWorker): void {
  port.postMessage(message);
}

function ended(end: CaptureEnd, message: string): CaptureResult {
  return { end, message, avError: 0, avText: '' };
}

async function capture({ options, audioRing, host }: OpenMessage): Promise<CaptureResult> {
  if (options.kind === 'file') {
    // Checked at each attempt, because a disk can be unmounted. Opening a FIFO would block for ever.
    const found = statSync(options.url, { throwIfNoEntry: false });
    if (found === undefined) return ended('file_not_found', `There is no file ${options.url}.`);
    if (!found.isFile()) return ended('file_unreadable', `${options.url} is not a regular file.`);
  }
  let addresses: readonly string[] = [];
  if (host !== undefined) {
    // Resolved here, because nothing could interrupt a lookup in the capture loop.
    const resolution = await resolveHost(host, control.i32.subarray(CONTROL.stopI32), systemClock);
    if (resolution.kind === 'unknown') return ended('unknown_host', resolution.message);
    if (resolution.kind === 'stopped') return ended('stopped', '');
    post(resolution);
    ({ addresses } = resolution);
  }
  if (!compacted) {
    // Loading the modules leaves more garbage than this thread makes in months.
    addon.compactHeap();
    compacted = true;
  }
  const audio = audioRing === undefined ? {} : { audioRing: new Uint8Array(audioRing) };
  return addon.capture({ ...options, ...audio, addresses, control: controlBytes, packetRing }, hooks);
}

async function serve(message: OpenMessage): Promise<void> {
  post({ kind: 'ended', result: await capture(message) });
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'exit') {
    port.close();
    return;
  }
  // A rejection becomes an uncaught error and ends this thread.
  void serve(message);
});
