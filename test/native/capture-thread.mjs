// A worker thread that runs one capture and posts its events to the parent. CHRYSPROXY_NATIVE_ADDON is the path of the
// addon.
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const addon = createRequire(import.meta.url)(workerData.addon);
const control = new Int32Array(workerData.control);
const post = (message) => parentPort.postMessage(message);

const result = addon.capture(
  {
    ...workerData.options,
    control: new Uint8Array(workerData.control),
    packetRing: new Uint8Array(workerData.packetRing),
  },
  {
    onStream: (info) => post({ kind: 'stream', info }),
    allocateFrameRing: (output, bytes) => {
      const ring = new SharedArrayBuffer(bytes);
      post({ kind: 'ring', output, ring });
      return new Uint8Array(ring);
    },
    onFrame: () => Atomics.notify(control, workerData.frameEventI32),
    onPacket: () => undefined,
    onLearned: (learned) => post({ kind: 'learned', learned }),
    onLog: (level, text) => post({ kind: 'log', level, text }),
  },
);
post({ kind: 'ended', result });
