import type { StreamInfo } from './stream.js';

/** The fields of OutputFormat in src/cameras/types.ts. */
interface OutputFormat {
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly quality: number;
  readonly enlarge: boolean;
}

/** The shared memory of a history job. */
interface HistorySource {
  /** Undefined: no packets in memory. */
  readonly packetRing: Uint8Array | undefined;
  /** Four bytes over a SharedArrayBuffer. A value other than 0 ends the job between two packets. */
  readonly cancel: Uint8Array;
}

export interface HistoryOptions extends HistorySource {
  /** Read before the packet ring, oldest first. */
  readonly segments: readonly HistorySegment[];
  /** There are more segments, or will be. The job asks for them by HistoryAnswer.nextSequence. */
  readonly moreSegments: boolean;
  /** The streams of the packets in memory. Frames of other connections are lost. */
  readonly streams: readonly (Pick<StreamInfo, 'connection' | 'codecName' | 'extradata'> & {
    readonly outputFormat: OutputFormat;
  })[];
  readonly deviceId: string;
  /** Arrivals of the frames' packets, microseconds since the epoch, both inclusive. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Only the frame nearest to this time, whatever the range. -1 = every frame of the range. */
  readonly nearestUs: number;
  readonly keyframesOnly: boolean;
  /** One frame per interval; 0 = every frame. */
  readonly intervalMs: number;
  readonly withholdCorrupt: boolean;
  readonly maxMessageBytes: number;
  /** A larger picture (width times height) ends the job with an error, before memory is allocated for it. */
  readonly maxPixels: number;
}

/** A segment file that writeSegment wrote. */
export interface HistorySegment {
  readonly path: string;
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly outputFormat: OutputFormat;
}

export interface ClipOptions extends HistorySource {
  /** Paths of segments, oldest first. */
  readonly paths: readonly string[];
  /** The streams of the packets in memory. */
  readonly streams: readonly Pick<
    StreamInfo,
    'connection' | 'codecName' | 'extradata' | 'width' | 'height' | 'audio'
  >[];
  readonly audioRing?: Uint8Array | undefined;
  /** Arrivals of the first and the last frame that a player shows, microseconds since the epoch, both inclusive. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** A job that decodes frames or makes a clip. Only the thread that opened it may use it. */
export type HistoryHandle = object & { readonly __history: never };

export interface HistoryAnswer {
  /** > 0: nothing was written, because the target must have this many bytes. */
  readonly needed: number;
  /** Set: nothing was written. Call addSegments with the segments from this sequence on. */
  readonly nextSequence?: number;
  /** Place of the piece (a message, or bytes of a clip) in the target. */
  readonly offset: number;
  readonly bytes: number;
  /** Arrival of the frame's packet, microseconds since the epoch. */
  readonly arrivalUs: number;
}

/** Totals of the packets in a ring that can be decoded: all from the oldest keyframe on. */
export interface PacketSums {
  readonly frames: number;
  readonly keyframes: number;
  /** Bytes of payload. */
  readonly bytes: number;
  /** Arrivals of the oldest and the newest packet, microseconds since the epoch. 0 = no packets. */
  readonly oldestUs: number;
  readonly newestUs: number;
  /** Frames of the newest connection, and the time from the first to the last of them by pts. */
  readonly newestFrames: number;
  readonly newestSeconds: number;
}
