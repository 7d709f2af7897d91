import { systemClock } from '../base/clock.js';
import { ChrysError, type ErrorKind } from '../base/errors.js';
import { redactSecrets, secretsOf } from '../base/redact.js';
import { ServiceThread } from '../base/service-thread.js';
import { FRAME_SLOTS, MAX_FRAME_MESSAGE_BYTES, createPacketRing } from '../cameras/rings.js';
import { describeEnd } from '../cameras/reasons.js';
import { parseSourceUrl } from '../cameras/source-url.js';
import type { CameraThread, FromWorker, ToWorker, WorkerData } from '../cameras/worker-messages.js';
import { CONTROL } from '../gen/ring-layout.js';
import type { CaptureEnd, CaptureResult, StreamInfo, Transport } from '../native/types.js';
import { Control } from '../rings/control.js';

/** What a stream turned out to be. */
export interface ProbeResult {
  readonly codec: string;
  readonly profile: string;
  /** Pixels, 0 when the stream never told. */
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: string;
  /** Measured from timestamps, 0 when too few packets came. */
  readonly fps: number;
  /** Packets from one keyframe to the next, 0 when no whole group came in time. */
  readonly gopPackets: number;
  readonly bitrateKbps: number;
  readonly transport: Transport;
  /** From the first byte to an open stream. */
  readonly openMs: number;
}

const POLL_MS = 50;
/** A thread that hangs in something that cannot be cancelled is left behind after this time. */
const EXIT_GRACE_MS = 1000;

const KIND_OF_END: Partial<Record<CaptureEnd, ErrorKind>> = {
  unauthorized: 'unauthenticated',
  not_found: 'not_found',
  file_not_found: 'not_found',
  unsupported_codec: 'failed_precondition',
  open_timeout: 'deadline_exceeded',
};

/**
 * Opens a stream without adding it, and watches it until a whole group of pictures was seen or `timeoutMs` has passed.
 * Throws a ChrysError that says why it could not be opened.
 */
export async function probeStream(
  url: string,
  options: { readonly transport: Transport; readonly timeoutMs: number },
): Promise<ProbeResult> {
  const source = parseSourceUrl(url, ['rtsp', 'rtsps', 'file']);
  const control = Control.create();
  const startMs = systemClock.monotonicMs();
  const watched = watch(control, startMs, options.timeoutMs);
  const open: Extract<ToWorker, { kind: 'open' }> = {
    kind: 'open',
    options: {
      url: source.url,
      kind: source.kind,
      transport: options.transport,
      openTimeoutMs: options.timeoutMs,
      stallTimeoutMs: options.timeoutMs,
      decoderThreads: 1,
      deviceId: 'probe',
      frameSlots: FRAME_SLOTS,
      maxMessageBytes: MAX_FRAME_MESSAGE_BYTES,
      logLevel: 'warn',
    },
    ...(source.host === undefined ? {} : { host: source.host }),
  };
  watched.thread.send(open);
  try {
    const { stream, openMs, result } = await watched.result;
    if (stream === undefined) {
      const end = result?.end ?? 'open_timeout';
      const message = describeEnd(end, redactSecrets(result?.message ?? '', secretsOf(url)));
      throw new ChrysError(KIND_OF_END[end] ?? 'unavailable', `${source.masked}: ${message}`);
    }
    const seconds = Math.max(0.001, (systemClock.monotonicMs() - startMs - openMs) / 1000);
    return {
      codec: stream.codecName,
      profile: stream.profile,
      width: stream.width,
      height: stream.height,
      pixelFormat: stream.pixelFormat,
      fps: control.getI32(CONTROL.fpsMilliI32) / 1000,
      gopPackets: control.getI32(CONTROL.gopPacketsI32),
      bitrateKbps: Math.round((control.getI64(CONTROL.bytesI64) * 8) / 1000 / seconds),
      transport: options.transport,
      openMs: Math.round(openMs),
    };
  } finally {
    control.setI32(CONTROL.stopI32, 1);
    Atomics.notify(control.i32, CONTROL.stopI32);
    await watched.thread.end({ kind: 'exit' }, EXIT_GRACE_MS);
  }
}

interface Watched {
  readonly stream: StreamInfo | undefined;
  readonly openMs: number;
  readonly result: CaptureResult | undefined;
}

/** Starts the thread; the result is there when a whole group was seen, the capture ended, or time is up. */
const WORKER = new URL('../cameras/camera-worker.js', import.meta.url);
const HEAP_MB = { old: 32, young: 2 };
const PROBE_RING = { minPackets: 1, maxBytes: 64 * 1024 * 1024 };

function watch(
  control: Control,
  startMs: number,
  timeoutMs: number,
): { thread: CameraThread; result: Promise<Watched> } {
  let resolve: (watched: Watched) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const result = new Promise<Watched>((...settle) => {
    [resolve, reject] = settle;
  });
  let stream: StreamInfo | undefined;
  let openMs = 0;
  const finish = (end: CaptureResult | undefined): void => {
    clearInterval(poll);
    resolve({ stream, openMs, result: end });
  };
  const poll = setInterval(() => {
    const sawGroup = stream !== undefined && stream.width > 0 && control.getI32(CONTROL.gopPacketsI32) > 0;
    if (sawGroup || systemClock.monotonicMs() - startMs > timeoutMs) finish(undefined);
  }, POLL_MS);
  const data: WorkerData = { control: control.buffer, packetRing: createPacketRing(PROBE_RING, 1) };
  const form = { url: WORKER, name: 'probe', data, heapMb: HEAP_MB };
  const thread: CameraThread = new ServiceThread<ToWorker, FromWorker>(form, {
    onMessage(message) {
      if (message.kind === 'stream') {
        if (stream === undefined) openMs = systemClock.monotonicMs() - startMs;
        stream = message.info;
      } else if (message.kind === 'ended') finish(message.result);
    },
    onGone(error) {
      clearInterval(poll);
      reject(new ChrysError('internal', `the thread that probes crashed: ${error}`));
    },
  });
  return { thread, result };
}
