import type { Clock } from '../../base/clock.js';
import { ChrysError, type ErrorKind } from '../../base/errors.js';
import { redactSecrets, secretsOf } from '../../base/redact.js';
import { CONTROL } from '../../gen/ring-layout.js';
import type { CaptureEnd, CaptureResult, LearnedFacts, NativeAddon, StreamInfo } from '../../native/types.js';
import { Control } from '../../rings/control.js';
import { captureOptions } from '../capture/capture-options.js';
import { CaptureThread, type WakeAddon } from '../capture/capture-thread.js';
import type { Closings } from '../capture/closings.js';
import { probeResult, transportInUse } from './probe-result.js';
import type { ProbeResult, ProbeOptions } from './probe-types.js';
import { describeEnd } from '../reasons.js';
import { createPacketRing } from '../capture/rings.js';
import type { CameraSource } from '../source/source-url.js';
import { STOP, TEARDOWN_MARGIN_MS, TEARDOWN_MS, type StopReason } from '../capture/teardown.js';
import type { FromWorker } from '../capture/worker-messages.js';

export interface ProberParts {
  readonly addon: Pick<NativeAddon, 'initPacketRing'> & WakeAddon;
  readonly closings: Closings;
  readonly clock: Clock;
  /** Maximum width times height of a picture. */
  readonly maxPixels: number;
  readonly workerUrl?: URL;
}

const MAX_PROBES = 4;
const POLL_MS = 50;
const WORKER = new URL('../capture/camera-worker.js', import.meta.url);
const PROBE_RING = { minPackets: 1, maxBytes: 64 * 1024 * 1024 };

const KIND_OF_END: Partial<Record<CaptureEnd, ErrorKind>> = {
  unauthorized: 'unauthenticated',
  credentials_needed: 'unauthenticated',
  forbidden: 'permission_denied',
  not_found: 'not_found',
  file_not_found: 'not_found',
  session_limit: 'resource_exhausted',
  auth_unsupported: 'failed_precondition',
  transport_refused: 'failed_precondition',
  option_unsupported: 'failed_precondition',
  certificate_untrusted: 'failed_precondition',
  certificate_changed: 'failed_precondition',
  encrypted_media: 'failed_precondition',
  too_many_pixels: 'failed_precondition',
  unsupported_codec: 'failed_precondition',
  open_timeout: 'deadline_exceeded',
};

/** Opens streams for a short time to find out their codec, size and rates. Main thread. */
export class Prober {
  private readonly threads = new Set<CaptureThread>();
  private active = 0;

  constructor(private readonly parts: ProberParts) {}

  /**
   * Opens a stream without adding it, and watches it until a whole GOP was received or `timeoutMs` has passed. Waits first
   * for connections to the same camera that are being closed. Closes its own connection before it resolves. Throws a
   * ChrysError that says why the stream could not be opened; resource_exhausted when MAX_PROBES are in progress.
   */
  async probe(source: CameraSource, options: ProbeOptions): Promise<ProbeResult> {
    if (this.active >= MAX_PROBES) {
      throw new ChrysError(
        'resource_exhausted',
        `${MAX_PROBES} streams are being probed already. Try again in a moment.`,
      );
    }
    this.active += 1;
    try {
      await this.parts.closings.allClosed(source);
      return await this.open(source, options);
    } finally {
      this.active -= 1;
    }
  }

  /** Ends the captures in progress. */
  raiseStop(how: StopReason): void {
    for (const thread of this.threads) thread.raiseStop(how);
  }

  private async open(source: CameraSource, options: ProbeOptions): Promise<ProbeResult> {
    const control = Control.create();
    const { addon, clock, closings, workerUrl = WORKER } = this.parts;
    const watch = new Watch(control, clock, options);
    const packetRing = createPacketRing(PROBE_RING, 1, addon);
    const thread = new CaptureThread({ workerUrl, name: 'probe', control, packetRing, addon, closings }, watch);
    this.threads.add(thread);
    const host = source.kind === 'rtsp' ? { host: source.host } : {};
    thread.open(source, this.optionsOf(source, options), host);
    try {
      const { stream, openMs, watchedMs, result, learned } = await watch.seen;
      if (stream === undefined) throw failure(source, result);
      const figures = {
        fps: control.getI32(CONTROL.fpsMilliI32) / 1000,
        gopPackets: control.getI32(CONTROL.gopPacketsI32),
        bytes: control.getI64(CONTROL.bytesI64),
        watchedMs,
      };
      const transport = transportInUse(options.transport, learned);
      return { ...probeResult(stream, figures), transport, openMs: Math.round(openMs) };
    } finally {
      thread.raiseStop(STOP.capture);
      await thread.end(TEARDOWN_MS + TEARDOWN_MARGIN_MS);
      this.threads.delete(thread);
    }
  }

  private optionsOf(
    source: CameraSource,
    { transport, tlsVerify, timeoutMs }: ProbeOptions,
  ): ReturnType<typeof captureOptions> {
    const limits = { openTimeoutMs: timeoutMs, stallTimeoutMs: timeoutMs, decoderThreads: 1 };
    const context = { learned: undefined, maxPixels: this.parts.maxPixels, logLevel: 'warn' } as const;
    return captureOptions(source, { name: 'probe', transport, tlsVerify, ...limits }, context);
  }
}

interface Seen {
  readonly stream: StreamInfo | undefined;
  readonly openMs: number;
  /** Since the stream was open. */
  readonly watchedMs: number;
  readonly learned: LearnedFacts | undefined;
  readonly result: CaptureResult | undefined;
}

/** Watches a capture until it has received a whole GOP, has ended, or the time is up. */
class Watch {
  readonly seen: Promise<Seen>;
  private resolve: (seen: Seen) => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;
  private readonly startMs: number;
  private cancelPoll: () => void = () => undefined;
  private stream: StreamInfo | undefined;
  private learned: LearnedFacts | undefined;
  private openMs = 0;

  constructor(
    private readonly control: Control,
    private readonly clock: Clock,
    private readonly options: ProbeOptions,
  ) {
    this.startMs = clock.monotonicMs();
    this.seen = new Promise((...settle) => {
      [this.resolve, this.reject] = settle;
    });
    this.poll();
  }

  onMessage(message: FromWorker): void {
    if (message.kind === 'stream') {
      if (this.stream === undefined) this.openMs = this.elapsedMs();
      this.stream = message.info;
    } else if (message.kind === 'learned') {
      this.learned = message.learned;
    } else if (message.kind === 'ended') {
      this.finish(message.result);
    }
  }

  onGone(error: string): void {
    this.cancelPoll();
    this.reject(new ChrysError('internal', `The thread of the probe crashed: ${error}`));
  }

  private poll(): void {
    this.cancelPoll = this.clock.after(POLL_MS, () => {
      const { timeoutMs, signal } = this.options;
      const hasGop = (this.stream?.width ?? 0) > 0 && this.control.getI32(CONTROL.gopPacketsI32) > 0;
      if (hasGop || this.elapsedMs() > timeoutMs || signal?.aborted === true) this.finish(undefined);
      else this.poll();
    });
  }

  private elapsedMs(): number {
    return this.clock.monotonicMs() - this.startMs;
  }

  private finish(result: CaptureResult | undefined): void {
    this.cancelPoll();
    const { stream, openMs, learned } = this;
    this.resolve({ stream, openMs, learned, result, watchedMs: this.elapsedMs() - openMs });
  }
}

function failure(source: CameraSource, result: CaptureResult | undefined): ChrysError {
  const end = result?.end ?? 'open_timeout';
  const message = describeEnd(
    end,
    redactSecrets(result?.message ?? '', source.kind === 'rtsp' ? secretsOf(source.url) : []),
  );
  return new ChrysError(KIND_OF_END[end] ?? 'unavailable', `${source.masked}: ${message}`);
}
