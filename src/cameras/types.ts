import type { ChrysError } from '../base/errors.js';
import type { FrameRef } from '../rings/frame-reader.js';
import type { CaptureEnd, LearnedFacts, StreamInfo, TlsVerify, Transport } from '../native/types.js';
import type { CameraDefinition, StorageFact } from '../database/camera-definition.js';

import type { ProbeResult, ProbeOptions } from './probe/probe-types.js';
import type { CameraSource } from './source/source-url.js';

export type { CameraDefinition } from '../database/camera-definition.js';

/**
 * created -> connecting -> running -> reconnecting -> running …; `failed` when no retry can help, `stopped` when the camera was
 * stopped.
 */
export type CameraPhase = 'created' | 'connecting' | 'running' | 'reconnecting' | 'failed' | 'stopped';

/** Why a camera is not running: the end of its last capture, or a crash of its worker thread. */
export type CameraReason = Exclude<CaptureEnd, 'stopped'> | 'worker_crashed';

export interface CameraState {
  readonly phase: CameraPhase;
  /** When the phase began, milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly reason?: CameraReason;
  /** Sentences for a person, masked; '' when nothing is wrong. */
  readonly message: string;
  /** Number of failures since the stream last ran for 30 s. */
  readonly failingStreak: number;
  /** Milliseconds since the epoch; only while the camera waits for its next attempt. */
  readonly nextAttemptMs?: number;
  /** Milliseconds since the epoch; only after the stream was open once. */
  readonly lastConnectedMs?: number;
  readonly lastDisconnectedMs?: number;
}

/** The counters begin when the camera is added or the proxy starts, whichever is later. */
export interface CameraStats {
  readonly packets: number;
  readonly keyframeCount: number;
  readonly bytes: number;
  readonly framesDecoded: number;
  readonly framesPublished: number;
  readonly framesCorrupt: number;
  /** Decoded frames that were not published, because their time was not later than that of the previous frame. */
  readonly framesDropped: number;
  readonly decodeErrors: number;
  /** Packets that were stored although they were damaged by loss in the network. */
  readonly packetsDamaged: number;
  readonly decodeUs: number;
  readonly convertUs: number;
  readonly reconnects: number;
  /** 0 = not known yet. */
  readonly fps: number;
  readonly gopPackets: number;
  /** The stall limit in use, milliseconds; 0 = not known yet. */
  readonly stallLimitMs: number;
  /** Milliseconds since the epoch, 0 = none yet. */
  readonly lastPacketMs: number;
  readonly lastFrameMs: number;
  /** The message of the last failure, masked; '' = none yet. */
  readonly lastError: string;
  /** The frames that the capture loop decodes at the moment. */
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

/** One camera, as other parts of the proxy see it. */
export interface Camera {
  readonly definition: CameraDefinition;
  /** What the camera plays; undefined: the stored URL is not valid. */
  readonly source: CameraSource | undefined;
  readonly state: CameraState;
  readonly stats: CameraStats;
  /** The current or last stream; undefined until the first one opens. */
  readonly stream: StreamInfo | undefined;
  /** Undefined: nothing is learned yet. Contains a session id, which users must not see. */
  readonly learned: LearnedFacts | undefined;
  /** The newest 100 lines, oldest first. */
  readonly log: readonly LogLine[];
  readonly frames: FrameSource;
  /** The frame ring of output 0: unscaled BGR24. Undefined until its first subscription. */
  readonly plainFrames: SharedArrayBuffer | undefined;
  readonly packets: PacketBuffer;
}

/** Format of delivered frames. Width and height in pixels; one 0 = from the other one and the aspect ratio, both 0 = unscaled. */
export interface OutputFormat {
  /** One of PICTURE_FORMAT. */
  readonly format: number;
  readonly width: number;
  readonly height: number;
  /** JPEG quality, 1 to 100; 0 for other formats. */
  readonly quality: number;
  /** The frame may be larger than the camera's picture. */
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
  /** Frame id of the last frame that this caller got, 0 = none. */
  readonly after: number;
  /** Milliseconds since this caller got its last frame; Infinity = it got none. */
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
  /** Frames of this output with another serial have another output format. */
  readonly serial: number;
}

export interface FrameSource {
  /**
   * Raises the camera's demand for ten seconds, for a caller that reads the frame ring directly. Throws resource_exhausted
   * when too many different output formats or intervals are in use.
   */
  subscribe(options: FrameOptions): Subscription;
  /**
   * Calls `settle` once: with a frame that matches, or with undefined when there is none within waitMs or the camera is
   * removed. The call comes before this method returns when the frame already exists. The returned function ends the wait
   * without a call of `settle`. Raises the camera's demand. Uses a callback and no promise, because this runs for every frame
   * of every caller. Throws resource_exhausted when too many callers wait, or too many different output formats or intervals
   * are in use.
   */
  request(query: FrameQuery, settle: (frame: FrameRef | undefined) => void): () => void;
  /**
   * The error of a caller to whom `request` or `snapshot` gave no frame: resource_exhausted, with size, limit and advice, when
   * the frames in this output format do not fit into a message. Both methods stop waiting as soon as there is such an error.
   * Undefined: there is none.
   */
  refusal(format: OutputFormat): ChrysError | undefined;
  /** The newest frame, decoded once for this call without raising the demand. Undefined: none within waitMs. */
  snapshot(waitMs: number, signal?: AbortSignal): Promise<FrameRef | undefined>;
}

/** The packets of one camera in memory. native/src/rings/ring_layout.h defines the layout. */
export interface PacketBuffer {
  /** Undefined until the camera was started. */
  readonly ring: SharedArrayBuffer | undefined;
  /** The ring of the audio; undefined until audio is recorded for the first time. */
  readonly audioRing: SharedArrayBuffer | undefined;
  /** The control block. Its packetEvent and packetWaiters serve readers that wait for packets. */
  readonly control: SharedArrayBuffer;
  /** The last stream of each connection, by PACKET_ENTRY.connection; only the newest connections. */
  readonly streams: ReadonlyMap<number, StreamInfo>;
  /** All periods, oldest first. A camera may change its stream within a connection, which begins another period. */
  readonly periods: readonly StreamPeriod[];
}

/** The stream of the packets from `fromSequence` on, until the next period. */
export interface StreamPeriod {
  readonly fromSequence: number;
  readonly stream: StreamInfo;
}

/** Changes of a running camera. Fields that are left out keep their value. */
export interface CameraChanges {
  readonly transport?: Transport;
  readonly tlsVerify?: TlsVerify;
  /** null: `camera.max_pixels` applies. */
  readonly maxPixels?: number | null;
  /** null: `buffer.on_disk` applies. */
  readonly record?: boolean | null;
  readonly recordAudio?: boolean;
  /** null: none, which also ends passthrough and storage. Any change also deletes `storing`. */
  readonly rtmpEndpoint?: string | null;
  readonly passthrough?: boolean;
  readonly storage?: boolean;
  /** What the cloud reported. Does not change `modifiedMs`, because no user made this change. */
  readonly storing?: StorageFact;
}

/** 'changed': the definition changed. 'stream': a period began. 'plainFrames': Camera.plainFrames is another ring. */
export type CameraEvent = 'added' | 'removed' | 'changed' | 'stream' | 'plainFrames';

/** All cameras. Errors are ChrysErrors. */
export interface Cameras {
  list(): readonly Camera[];
  /** Throws not_found. */
  get(name: string): Camera;
  /** Stores a camera and starts it. Throws already_exists, invalid_argument, resource_exhausted (too many cameras). */
  add(definition: CameraDefinition): Camera;
  /**
   * Stores the changes. The camera reconnects only when its connection settings or its audio change. Throws not_found, and
   * errors of the database.
   */
  update(name: string, changes: CameraChanges): Camera;
  /**
   * Connects at once, also if no further attempt was planned. `forget`: deletes the learned facts with the pinned certificate,
   * and reconnects. Throws not_found.
   */
  retry(name: string, options?: { readonly forget?: boolean }): Camera;
  /**
   * Finds out the codec, size and rates of a stream without adding it. If it is the stream of a running camera, no connection
   * is made, even if the URL has another user and password. Throws a ChrysError with the reason why the stream cannot be
   * opened.
   */
  probe(url: string, options: ProbeOptions): Promise<ProbeResult>;
  /** Stops and deletes the camera. Resolves within 300 ms; TEARDOWN may continue in the background. Throws not_found. */
  remove(name: string): Promise<void>;
}
