import type { StreamInfo } from './stream.js';

export interface RelayOptions {
  /** rtmp or rtmps, with its credentials. */
  readonly url: string;
  readonly packetRing: Uint8Array;
  /** CaptureOptions.audioRing. Undefined: no audio is sent. */
  readonly audioRing?: Uint8Array | undefined;
  /** The stream of the first packet; H.264. */
  readonly stream: Pick<StreamInfo, 'codecName' | 'extradata' | 'width' | 'height' | 'audio'>;
  /** A keyframe. */
  readonly firstSequence: number;
  /** Four bytes over a SharedArrayBuffer. A value other than 0 ends every wait for the server within 100 ms. */
  readonly cancel: Uint8Array;
  readonly openTimeoutMs: number;
  /** Maximum time in which the server accepts nothing. */
  readonly stallTimeoutMs: number;
  /** Older packets are skipped when there is a newer keyframe. */
  readonly maxLagMs: number;
}

/** What one call of relayPackets did. */
export interface RelayStep {
  /**
   * idle: everything was sent. more: there are more packets. other_connection: the next packet belongs to another connection of
   * the camera. other_parameters: the next packet, a keyframe, needs another FLV header, which only a new relay sends.
   */
  readonly end: 'idle' | 'more' | 'other_connection' | 'other_parameters';
  readonly nextSequence: number;
  /** Video packets that were sent. */
  readonly packets: number;
  /** Bytes of all packets that were sent. */
  readonly bytes: number;
  /** Video packets that were skipped because the server was too slow. */
  readonly lost: number;
}

/** A connection to an RTMP server. Only the thread that opened it may use it. */
export type RelayHandle = object & { readonly __relay: never };
