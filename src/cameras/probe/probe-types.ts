import type { TlsVerify, Transport } from '../../native/types.js';

/** The result of a probe. */
export interface ProbeResult {
  readonly codec: string;
  readonly profile: string;
  /** Pixels, 0 = unknown. */
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: string;
  /** Measured from the timestamps; 0 = there were too few packets. */
  readonly fps: number;
  /** Packets from one keyframe to the next; 0 = no whole GOP arrived in time. */
  readonly gopPackets: number;
  readonly bitrateKbps: number;
  /** The transport in use. */
  readonly transport: 'tcp' | 'udp' | 'multicast';
  /** Time to open the stream, milliseconds; 0 = no connection was made. */
  readonly openMs: number;
  /** The running camera that has this stream; undefined: a connection was made. */
  readonly camera?: string;
}

export interface ProbeOptions {
  readonly transport: Transport;
  readonly tlsVerify: TlsVerify;
  /** Time limit for opening and watching together, milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the client disconnects. */
  readonly signal?: AbortSignal;
}
