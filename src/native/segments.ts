import type { StreamInfo } from './stream.js';

/** What a segment file holds. Times are by the proxy's clock. */
export interface SegmentFacts {
  /** Arrival of the first packet and the latest arrival, microseconds since the epoch. */
  readonly startUs: number;
  readonly lastUs: number;
  /** Duration by the packets' timestamps, including the last frame. */
  readonly durationUs: number;
  /** Size of the file. */
  readonly bytes: number;
  readonly frames: number;
  /** Sequences of its packets; its frame ids are the same numbers. End is exclusive. */
  readonly firstSequence: number;
  readonly endSequence: number;
  /** PACKET_ENTRY.connection. */
  readonly connection: number;
  readonly codecName: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Arrivals of its keyframes, microseconds since the epoch. */
  readonly keyframesUs: readonly number[];
  readonly audio: boolean;
}

/** The packets of a segment file, one element per packet, by sequence. */
export interface SegmentFrames {
  readonly firstSequence: number;
  readonly frameIds: Float64Array;
  /** Microseconds since the epoch. */
  readonly arrivalsUs: Float64Array;
  /** Ticks of the camera's time base. */
  readonly pts: Float64Array;
  readonly bytes: Int32Array;
  /** 1 = keyframe. */
  readonly keyframes: Uint8Array;
}

export interface SegmentOptions {
  readonly packetRing: Uint8Array;
  /** Whole GOPs of one connection: the first is a keyframe, the end is one past the last packet. */
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly stream: Pick<StreamInfo, 'codecName' | 'extradata' | 'width' | 'height' | 'audio'>;
  /** CaptureOptions.audioRing. Undefined: the segment has no audio. */
  readonly audioRing?: Uint8Array | undefined;
  /** Path of the new file, which must not exist. Its folder must exist. */
  readonly path: string;
}
