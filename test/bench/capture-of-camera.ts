/** The capture of one camera in its thread, without the rest of the proxy. */
import { systemClock } from '../../src/base/clock.js';
import { captureOptions } from '../../src/cameras/capture/capture-options.js';
import { CaptureThread } from '../../src/cameras/capture/capture-thread.js';
import { Closings } from '../../src/cameras/capture/closings.js';
import { createPacketRing } from '../../src/cameras/capture/rings.js';
import { parseSourceUrl } from '../../src/cameras/source/source-url.js';
import { STOP } from '../../src/cameras/capture/teardown.js';
import { loadAddon } from '../../src/native/addon.js';
import { Control } from '../../src/rings/control.js';
import { PacketReader } from '../../src/rings/packet-reader.js';
import { pause, waitFor } from '../support/wait.js';

const WORKER = new URL('../../dist/cameras/capture/camera-worker.js', import.meta.url);
const MIN_PACKETS = 2000;
const RING_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 8192 * 4320;
const BOUND_MS = 30_000;
const GRACE_MS = 5000;
const WISHES = {
  name: 'cam',
  transport: 'tcp',
  tlsVerify: 'pin',
  openTimeoutMs: 10_000,
  stallTimeoutMs: 5000,
  decoderThreads: 1,
} as const;

/** Times at which the packets of the first seconds were put into the packet ring, microseconds since the epoch. */
export async function arrivalsOf(url: string, seconds: number): Promise<number[]> {
  const addon = loadAddon();
  const control = Control.create();
  const packetRing = createPacketRing({ minPackets: MIN_PACKETS, maxBytes: RING_BYTES }, 1, addon);
  const packets = new PacketReader(packetRing);
  let failure = '';
  const thread = new CaptureThread(
    { workerUrl: WORKER, name: 'cam', control, packetRing, addon, closings: new Closings(systemClock) },
    {
      onMessage: (message) => {
        if (message.kind === 'ended' && message.result.end !== 'stopped') failure = message.result.message;
      },
      onGone: (error) => {
        failure = error;
      },
    },
  );
  const source = parseSourceUrl(url, ['rtsp']);
  if (source.kind !== 'rtsp') throw new Error(`${source.masked} is not a stream`);
  const options = captureOptions(source, WISHES, { learned: undefined, maxPixels: MAX_PIXELS, logLevel: 'warn' });
  thread.open(source, options, { host: source.host });
  await waitFor('the first picture', BOUND_MS, () => failure !== '' || packets.end() > packets.first());
  await pause(seconds * 1000);
  thread.raiseStop(STOP.capture);
  if (!(await thread.end(GRACE_MS))) throw new Error('the capture does not end');
  if (failure !== '') throw new Error(failure);
  return [...packets.decodable()].map(({ arrivalUs }) => arrivalUs);
}
