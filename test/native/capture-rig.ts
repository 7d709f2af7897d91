/** The addon's capture loop in a worker thread, and a reader of its rings, without the rest of the proxy. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { CONTROL, FRAME_FILTER, OUTPUT } from '../../src/gen/ring-layout.js';
import type { CaptureOptions, CaptureResult, NativeAddon, StreamInfo } from '../../src/native/types.js';
import { Control } from '../../src/rings/control.js';
import { FrameReader, type FrameRef } from '../../src/rings/frame-reader.js';
import { VideoFrame } from '../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { waitFor } from '../support/wait.js';

const ADDON = process.env['CHRYSPROXY_NATIVE_ADDON'] ?? fileURLToPath(new URL('../../native/build/chrys_native.node', import.meta.url));
const PACKET_RING_BYTES = 8 * 1024 * 1024;
const PACKET_ENTRIES = 1024;
const BOUND_MS = 30_000;

export const addon = createRequire(import.meta.url)(ADDON) as NativeAddon;

type Message =
  | { kind: 'stream'; info: StreamInfo }
  | { kind: 'ring'; output: number; ring: SharedArrayBuffer }
  | { kind: 'log'; level: string; text: string }
  | { kind: 'ended'; result: CaptureResult };

export class CaptureRig {
  readonly control = Control.create();
  readonly packetRing = new SharedArrayBuffer(PACKET_RING_BYTES);
  readonly readers = Array.from({ length: OUTPUT.count }, () => new FrameReader((...slot) => addon.copyFromSlot(...slot)));
  readonly streams: StreamInfo[] = [];
  readonly rings: SharedArrayBuffer[] = [];
  readonly logs: string[] = [];
  result: CaptureResult | undefined;
  error: Error | undefined;
  private worker: Worker | undefined;

  constructor({ minPackets = 1, firstSequence = 1, entries = PACKET_ENTRIES } = {}) {
    addon.initPacketRing(new Uint8Array(this.packetRing), entries, minPackets, firstSequence);
  }

  start(url: string, options: Partial<CaptureOptions> = {}): void {
    this.worker = new Worker(new URL('capture-thread.mjs', import.meta.url), {
      workerData: {
        addon: ADDON,
        control: this.control.buffer,
        packetRing: this.packetRing,
        frameEventI32: CONTROL.frameEventI32,
        options: {
          url,
          kind: url.includes('://') ? 'rtsp' : 'file',
          transport: 'tcp',
          tlsVerify: 'pin',
          addresses: url.includes('://') ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : [],
          learned: undefined,
          wakeFd: -1,
          maxPixels: 8192 * 4320,
          teardownMs: 1000,
          openTimeoutMs: 5000,
          stallTimeoutMs: 5000,
          decoderThreads: 1,
          deviceId: 'rig',
          frameSlots: 4,
          maxMessageBytes: 50 * 1024 * 1024,
          logLevel: 'warn',
          ...options,
        },
      },
    });
    this.worker.on('error', (error) => {
      this.error = error;
    });
    this.worker.on('message', (message: Message) => {
      if (message.kind === 'stream') this.streams.push(message.info);
      else if (message.kind === 'ring') {
        this.rings.push(message.ring);
        this.readers[message.output]?.setRing(message.ring);
      } else if (message.kind === 'log') this.logs.push(message.text);
      else this.result = message.result;
    });
  }

  get reader(): FrameReader {
    return this.readers[0] ?? new FrameReader(() => false);
  }

  /** Sets the frame filters of output 0: bits of FRAME_FILTER. */
  demand(filters: number): void {
    this.control.setI32(CONTROL.outputsI32 + OUTPUT.filtersI32, filters);
  }

  /** Sets the output format of an output. Call it before `demandOf`. */
  setFormat(output: number, { format, width = 0, height = 0 }: { format: number; width?: number; height?: number }): void {
    const at = CONTROL.outputsI32 + (output * OUTPUT.bytes) / 4;
    this.control.setI32(at + OUTPUT.formatI32, format);
    this.control.setI32(at + OUTPUT.widthI32, width);
    this.control.setI32(at + OUTPUT.heightI32, height);
    this.control.setI32(at + OUTPUT.qualityI32, 85);
    this.control.setI32(at + OUTPUT.enlargeI32, 1);
    this.control.addI32(at + OUTPUT.serialI32, 1);
  }

  /** Sets the frame filters of an output: bits of FRAME_FILTER. */
  demandOf(output: number, filters: number): void {
    this.control.setI32(CONTROL.outputsI32 + (output * OUTPUT.bytes) / 4 + OUTPUT.filtersI32, filters);
  }

  /** Sets entry `index` of the table of intervals, and returns the frame filter for it. */
  interval(ms: number, index = 0): number {
    this.control.setI32(CONTROL.intervalMsI32 + index, ms);
    return 1 << (FRAME_FILTER.firstInterval + index);
  }

  /** Takes every frame until there are `count`. */
  async take(count: number, frameClass: number = FRAME_FILTER.all): Promise<VideoFrame[]> {
    const frames: VideoFrame[] = [];
    let after = 0;
    this.control.setI32(CONTROL.frameWaitersI32, 1);
    await waitFor(`${count} frames`, BOUND_MS, async () => {
      const event = this.control.getI32(CONTROL.frameEventI32);
      const ref = this.reader.find({ after, filter: frameClass, serial: 0, withholdCorrupt: false, notBeforeMs: 0, inOrder: true });
      if (ref === undefined) {
        await Atomics.waitAsync(this.control.i32, CONTROL.frameEventI32, event, 200).value;
        return false;
      }
      after = ref.frameId;
      frames.push(decode(ref));
      return frames.length >= count;
    });
    return frames;
  }

  async ended(): Promise<CaptureResult> {
    await waitFor('the capture to end', BOUND_MS, () => this.result !== undefined || this.error !== undefined);
    if (this.result === undefined) throw this.error ?? new Error('no result');
    return this.result;
  }

  /** Ends the capture and its thread. */
  async dispose(): Promise<void> {
    this.control.setI32(CONTROL.stopI32, 1);
    await this.worker?.terminate();
  }

  /** Terminates the thread; resolves with its exit code when it is gone. */
  async terminate(): Promise<number> {
    return (await this.worker?.terminate()) ?? 0;
  }

  async stop(): Promise<CaptureResult> {
    this.control.setI32(CONTROL.stopI32, 1);
    return await this.ended();
  }
}

export function decode(ref: FrameRef): VideoFrame {
  const message = Buffer.alloc(ref.byteLength);
  if (ref.copyTo(message, 0) === undefined) throw new Error('overrun');
  return VideoFrame.decode(message);
}
