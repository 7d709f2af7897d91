import type { FrameRef } from '../rings/frame-reader.js';
import type { CaptureEnd, StreamInfo } from '../native/types.js';
import type { CameraDefinition } from '../store/camera-definition.js';

export type { CameraDefinition } from '../store/camera-definition.js';

/**
 * created -> connecting -> running -> reconnecting -> …; `failed` only for what retrying cannot mend, `stopped` when
 * it was told to stop.
 */
export type CameraPhase = 'created' | 'connecting' | 'running' | 'reconnecting' | 'failed' | 'stopped';

/** Why a camera is not running: what ended its last capture, or that its worker thread died. */
export type CameraReason = Exclude<CaptureEnd, 'stopped'> | 'worker_crashed';

export interface CameraState {
  readonly phase: CameraPhase;
  /** Since when, milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly reason?: CameraReason;
  /** A sentence for a person, masked; '' while running well. */
  readonly message: string;
  /** Failures since the stream last ran for 30 s. */
  readonly failingStreak: number;
  /** Milliseconds since the epoch; only while reconnecting and waiting. */
  readonly nextAttemptMs?: number;
  /** Milliseconds since the epoch; only after the stream was open once. */
  readonly lastConnectedMs?: number;
  readonly lastDisconnectedMs?: number;
}

/** Counters since the camera was defined or the proxy started, whichever is later. */
export interface CameraStats {
  readonly packets: number;
  readonly keyframes: number;
  readonly bytes: number;
  readonly framesDecoded: number;
  readonly framesPublished: number;
  readonly framesCorrupt: number;
  /** Decoded, wanted, and not published, because their time was not beyond the last one's. */
  readonly framesDropped: number;
  readonly decodeErrors: number;
  readonly decodeUs: number;
  readonly convertUs: number;
  readonly reconnects: number;
  /** 0 = not known yet. */
  readonly fps: number;
  readonly gopPackets: number;
  /** Milliseconds since the epoch, 0 = none yet. */
  readonly lastPacketMs: number;
  readonly lastFrameMs: number;
  /** The masked sentence of the last failure, '' = none yet. */
  readonly lastError: string;
  /** What the capture loop decodes at the moment. */
  readonly decoding: 'idle' | 'keyframes' | 'all';
}

export interface LogLine {
  readonly timeMs: number;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** Masked. */
  readonly text: string;
}

export type { FrameRef };

/** One camera as the routes above see it. */
export interface Camera {
  readonly definition: CameraDefinition;
  readonly state: CameraState;
  readonly stats: CameraStats;
  /** Undefined until the stream was open once. */
  readonly stream: StreamInfo | undefined;
  /** The newest 100 lines, oldest first. */
  readonly log: readonly LogLine[];
  readonly frames: FrameSource;
}

/** Where a caller stands in a camera's frames. */
export interface FrameQuery {
  /** Sequence of the last frame this caller had, 0 = none. */
  readonly after: number;
  readonly keyframesOnly: boolean;
  /** How long ago this caller had its last frame; Infinity = never. */
  readonly awayMs: number;
  /** Longest wait for such a frame; 0 = only what is there now. */
  readonly waitMs: number;
}

export interface FrameSource {
  /**
   * Hands `settle` such a frame, or undefined when there is none within waitMs or the camera is gone; once, and at once
   * when it is there already. The returned function ends the wait without a call of `settle`. Raises the camera's demand.
   * Callbacks and not promises: this runs for every frame of every caller. Throws resource_exhausted (too many wait).
   */
  request(query: FrameQuery, settle: (frame: FrameRef | undefined) => void): () => void;
  /** The newest frame, decoded once for this call without raising the demand. Undefined: none within waitMs. */
  snapshot(waitMs: number, signal?: AbortSignal): Promise<FrameRef | undefined>;
}

/** All cameras. Errors are ChrysErrors. */
export interface Cameras {
  list(): readonly Camera[];
  /** Throws not_found. */
  get(name: string): Camera;
  /** Stores and starts it. Throws already_exists, invalid_argument, resource_exhausted (too many cameras). */
  add(definition: CameraDefinition): Camera;
  /** Stops and forgets it; resolves when its thread is gone or given up, within 300 ms. Throws not_found. */
  remove(name: string): Promise<void>;
}
