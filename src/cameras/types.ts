import type { ChrysError } from '../base/errors.js';
import type { FrameRef } from '../rings/frame-reader.js';
import type { CaptureEnd, LearnedFacts, StreamInfo, TlsVerify, Transport } from '../native/types.js';
import type { CameraDefinition, StorageFact } from '../database/camera-definition.js';

import type { ProbeResult, ProbeOptions } from './probe/probe-types.js';
import type { CameraSource } from './source/source-url.js';

export type { CameraDefinition } from '../database/camera-definition.js';

/**
 * created -> connecting -> running -> reconnecting -> …; `failed` only for what retrying cannot mend, `stopped` when
 * the camera was stopped.
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
  readonly keyframeCount: number;
  readonly bytes: number;
  readonly framesDecoded: number;
  readonly framesPublished: number;
  readonly framesCorrupt: number;
  /** Decoded, wanted, and not published, because their time was not beyond the last one's. */
  readonly framesDropped: number;
  readonly decodeErrors: number;
  /** Packets that were stored although loss on the way had damaged them. */
  readonly packetsDamaged: number;
  readonly decodeUs: number;
  readonly convertUs: number;
  readonly reconnects: number;
  /** 0 = not known yet. */
  readonly fps: number;
  readonly gopPackets: number;
  /** Stall limit in force: time without a picture that counts as a stall, milliseconds; 0 = not known yet. */
  readonly stallLimitMs: number;
  /** Milliseconds since the epoch, 0 = none yet. */
  readonly lastPacketMs: number;
  readonly lastFrameMs: number;
  /** The masked sentence of the last failure, '' = none yet. */
  readonly lastError: string;
  /** What the capture loop decodes at the moment. */
  readonly decoding: 'idle' | 'keyframes' | 'interval' | 'all';
  /** Calls that wait for a frame at the moment. */
  readonly callers: number;
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
  /** What the camera plays; undefined: the stored URL is not valid. */
  readonly source: CameraSource | undefined;
  readonly state: CameraState;
  readonly stats: CameraStats;
  /** Undefined until the stream was open once. */
  readonly stream: StreamInfo | undefined;
  /** What its connections have learnt; undefined: nothing yet. Holds a session id, which users must not see. */
  readonly learned: LearnedFacts | undefined;
  /** The newest 100 lines, oldest first. */
  readonly log: readonly LogLine[];
  readonly frames: FrameSource;
  /** Of the frames in the plain look: BGR24 of the camera's size. Undefined until somebody wanted one. */
  readonly plainFrames: SharedArrayBuffer | undefined;
  readonly packets: PacketBuffer;
}

/** Format of delivered frames. Sizes in pixels; 0 = from the other one and the aspect ratio, both 0 = unscaled. */
export interface OutputFormat {
  /** One of PICTURE_FORMAT. */
  readonly format: number;
  readonly width: number;
  readonly height: number;
  /** Of a JPEG, 1 to 100; 0 for other formats. */
  readonly quality: number;
  /** May be larger than the camera's picture. */
  readonly enlarge: boolean;
}

/** What a caller asks for. */
export interface FrameOptions {
  readonly outputFormat: OutputFormat;
  readonly keyframesOnly: boolean;
  /** One frame about every `intervalMs` milliseconds; 0 = every frame. Not together with keyframesOnly. */
  readonly intervalMs: number;
  /** Leave out frames that libav reports as damaged. */
  readonly withholdCorrupt: boolean;
}

/** A request for the next frame of a caller. */
export interface FrameQuery {
  readonly options: FrameOptions;
  /** Frame id of the last frame this caller had, 0 = none. */
  readonly after: number;
  /** How long ago this caller had its last frame; Infinity = never. */
  readonly sinceLastMs: number;
  /** Maximum wait, milliseconds; 0 = only a frame that exists now. */
  readonly waitMs: number;
  /** Maximum age of the frame, milliseconds; 0 = any live frame. */
  readonly maxAgeMs: number;
}

/** A caller's output and frame filter, as the capture loop knows them. */
export interface Subscription {
  /** Number of the output, and so of its frame ring. */
  readonly output: number;
  /** A bit of FRAME_FILTER. */
  readonly frameFilter: number;
  /** Frames of this output with another serial have another look. */
  readonly serial: number;
}

export interface FrameSource {
  /**
   * Raises the camera's demand for ten seconds, for a caller that reads the frame ring directly. Throws resource_exhausted
   * when too many different output formats or intervals are in use.
   */
  subscribe(options: FrameOptions): Subscription;
  /**
   * Hands `settle` such a frame, or undefined when there is none within waitMs or the camera is gone; once, and at once
   * when it is there already. The returned function ends the wait without a call of `settle`. Raises the camera's demand.
   * Callbacks and not promises: this runs for every frame of every caller. Throws resource_exhausted (too many wait, or
   * too many different output formats or intervals are in use).
   */
  request(query: FrameQuery, settle: (frame: FrameRef | undefined) => void): () => void;
  /**
   * Why no frame in this output format comes although the camera is connected: its pictures do not fit into a message
   * (resource_exhausted, with size, limit and advice). Undefined: no reason is known. Callers use this when `request` or
   * `snapshot` had no frame for them; both stop waiting as soon as there is a reason.
   */
  refusal(format: OutputFormat): ChrysError | undefined;
  /** The newest frame, decoded once for this call without raising the demand. Undefined: none within waitMs. */
  snapshot(waitMs: number, signal?: AbortSignal): Promise<FrameRef | undefined>;
}

/** The compressed packets of one camera that memory holds; native/src/rings/ring_layout.h says how they lie there. */
export interface PacketBuffer {
  /** Undefined until the camera was started. */
  readonly ring: SharedArrayBuffer | undefined;
  /** The audio, if it was ever recorded. */
  readonly audioRing: SharedArrayBuffer | undefined;
  /** CONTROL, with packetEvent and packetWaiters for whoever waits for packets. */
  readonly control: SharedArrayBuffer;
  /** What the packets of each connection are, by PACKET_ENTRY.connection; the newest few connections. */
  readonly streams: ReadonlyMap<number, StreamInfo>;
  /** The same, and from which packet on it holds: a camera may change its picture within a connection. Oldest first. */
  readonly periods: readonly StreamPeriod[];
}

/** What the packets from one on are, until the next period. */
export interface StreamPeriod {
  readonly fromSequence: number;
  readonly stream: StreamInfo;
}

/** Changes of a running camera. Fields that are left out keep their value. */
export interface CameraChanges {
  readonly transport?: Transport;
  readonly tlsVerify?: TlsVerify;
  /** null: as `camera.max_pixels` says. */
  readonly maxPixels?: number | null;
  /** null: as `buffer.on_disk` says. */
  readonly record?: boolean | null;
  readonly recordAudio?: boolean;
  /** null: none, and then nothing is pushed or stored any more. Another one is not known to the cloud yet. */
  readonly rtmpEndpoint?: string | null;
  readonly passthrough?: boolean;
  readonly storage?: boolean;
  /** What the cloud said. By itself no change of the definition that a user would know of. */
  readonly storing?: StorageFact;
}

/** 'changed': its definition. 'stream': a period began. 'plainFrames': there is another ring of them. */
export type CameraEvent = 'added' | 'removed' | 'changed' | 'stream' | 'plainFrames';

/** All cameras. Errors are ChrysErrors. */
export interface Cameras {
  list(): readonly Camera[];
  /** Throws not_found. */
  get(name: string): Camera;
  /** Stores and starts it. Throws already_exists, invalid_argument, resource_exhausted (too many cameras). */
  add(definition: CameraDefinition): Camera;
  /** Stores the changes; the connection stays. Throws not_found, and what the store throws. */
  update(name: string, changes: CameraChanges): Camera;
  /**
   * Connects at once instead of later or never. `forget`: forgets what was learnt about the camera, with the pinned
   * certificate, and connects anew. Throws not_found.
   */
  retry(name: string, options?: { readonly forget?: boolean }): Camera;
  /**
   * Finds out codec, size and rates of a stream without adding it. If it is the stream of a running camera, no connection is
   * made, even if the URL has another user and password. Throws a ChrysError that says why the stream cannot be opened.
   */
  probe(url: string, wish: ProbeOptions): Promise<ProbeResult>;
  /** Stops and forgets the camera. Resolves within 300 ms; TEARDOWN may go on in the background. Throws not_found. */
  remove(name: string): Promise<void>;
}
