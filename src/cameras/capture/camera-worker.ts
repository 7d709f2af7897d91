/**
 * The thread of one camera: it waits for 'open', blocks in the native capture loop until that ends, and says how.
 * Whatever throws here ends this thread; the supervisor starts another for this camera.
 */
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

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
/** By output. */
const frameRings: SharedArrayBuffer[] = [];
let compacted = false;

const hooks: CaptureHooks = {
  onStream: (info) => {
    // Called before the first packet is stored that it holds for.
    post({ kind: 'stream', info, fromSequence: packets.end() });
  },
  allocateFrameRing: (output, bytes) => {
    // The ring of the last connection is taken again: its readers keep their place, and no memory is cleared anew.
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
    // Looked at on each attempt: its disk may come and go, and opening a FIFO would block for ever.
    const found = statSync(options.url, { throwIfNoEntry: false });
    if (found === undefined) return ended('file_not_found', `there is no file ${options.url}`);
    if (!found.isFile()) return ended('file_unreadable', `${options.url} is not a regular file`);
  }
  let addresses: readonly string[] = [];
  if (host !== undefined) {
    const resolution = await resolveHost(host, control.i32.subarray(CONTROL.stopI32));
    if (resolution.kind === 'unknown') return ended('unknown_host', resolution.message);
    // Resolved here: in the capture loop, nothing could interrupt the lookup.
    if (resolution.kind === 'stopped') return ended('stopped', '');
    post(resolution);
    ({ addresses } = resolution);
  }
  if (!compacted) {
    // Loading modules leaves more garbage than this thread makes in months.
    addon.compactHeap();
    compacted = true;
  }
  const sound = audioRing === undefined ? {} : { audioRing: new Uint8Array(audioRing) };
  return addon.capture({ ...options, ...sound, addresses, control: controlBytes, packetRing }, hooks);
}

async function serve(message: OpenMessage): Promise<void> {
  post({ kind: 'ended', result: await capture(message) });
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'exit') {
    port.close();
    return;
  }
  // A rejection is an uncaught error of this thread, as it should be.
  void serve(message);
});
