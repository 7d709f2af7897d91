import type { CaptureEnd } from './capture-end.js';
import type { HistorySegment } from './history.js';
import type { LearnedFacts } from './learned-facts.js';
import type { StreamInfo } from './stream.js';

export type Transport = 'auto' | 'tcp' | 'udp';
/** How the certificate of an rtsps camera is checked. */
export type TlsVerify = 'verify' | 'pin' | 'none';

/** A recorded range that is played as a camera. */
export interface ReplayOptions {
  /** Oldest first. Their output formats are not used. */
  readonly segments: readonly HistorySegment[];
  /** Original arrivals, microseconds since the epoch, both inclusive. The replay begins at the keyframe before `fromUs`. */
  readonly fromUs: number;
  readonly toUs: number;
  /** 1 = original speed. */
  readonly speed: number;
  readonly loop: boolean;
}

export interface CaptureOptions {
  /** Only with kind 'replay'. */
  readonly replay?: ReplayOptions;
  /** An rtsp or rtsps URL with its credentials, or the absolute path of a file. Checked in src/cameras/source/source-url.ts. */
  readonly url: string;
  readonly kind: 'rtsp' | 'file' | 'replay';
  readonly transport: Transport;
  readonly tlsVerify: TlsVerify;
  /** The addresses of the host of an rtsp URL, at least one. Empty for other kinds. */
  readonly addresses: readonly string[];
  /** What earlier connections found out. Undefined: nothing yet. */
  readonly learned: LearnedFacts | undefined;
  /** From openWake. The main thread calls wake() on it after it raised the stop flag. -1: none. */
  readonly wakeFd: number;
  /** Larger pictures (width times height) end the capture with too_many_pixels, before memory is allocated for them. */
  readonly maxPixels: number;
  /** Maximum time for TEARDOWN when the stop flag is 1, milliseconds. When it is 2 (shutdown), at most 300 ms. */
  readonly teardownMs: number;
  readonly openTimeoutMs: number;
  /** Minimum time without a video packet that counts as a stall. The limit is 3 x the usual gap when that is longer. */
  readonly stallTimeoutMs: number;
  readonly decoderThreads: number;
  /** Written into every VideoFrame as device_id. */
  readonly deviceId: string;
  /** CONTROL.bytes over a SharedArrayBuffer. */
  readonly control: Uint8Array;
  /** The packet ring, over a SharedArrayBuffer. */
  readonly packetRing: Uint8Array;
  /** A packet ring for audio. Undefined: audio is not stored. */
  readonly audioRing?: Uint8Array;
  readonly frameSlots: number;
  /** A longer VideoFrame is not published; OUTPUT.tooLargeI32 tells its callers. */
  readonly maxMessageBytes: number;
  /** The libav messages that are reported. 'debug' only in debug mode. */
  readonly logLevel: 'warn' | 'info' | 'debug';
}

export interface CaptureHooks {
  /** The first packet arrived, or the stream's parameters changed. */
  onStream(info: StreamInfo): void;
  /** An output needs a new frame ring. Returns a view of `bytes` bytes over a SharedArrayBuffer. */
  allocateFrameRing(output: number, bytes: number): Uint8Array;
  /** A frame was published while CONTROL.frameWaiters > 0. */
  onFrame(): void;
  /** A packet was stored while CONTROL.packetWaiters > 0. */
  onPacket(): void;
  /** The learned facts changed. */
  onLearned(learned: LearnedFacts): void;
  /** A line of libav's log. May contain credentials, so mask it. */
  onLog(level: 'error' | 'warn' | 'info' | 'debug', text: string): void;
}

export interface CaptureResult {
  readonly end: CaptureEnd;
  /** Details beyond what `end` says; may be empty. May contain credentials, so mask it. */
  readonly message: string;
  /** libav's error number and text. 0 and '' when libav was not the cause. */
  readonly avError: number;
  readonly avText: string;
}
