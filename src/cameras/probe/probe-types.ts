import type { TlsVerify, Transport } from '../../native/types.js';

/** What a stream turned out to be. */
export interface ProbeResult {
  readonly codec: string;
  readonly profile: string;
  /** Pixels, 0 when the stream did not say. */
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: string;
  /** Measured from timestamps, 0 when too few packets came. */
  readonly fps: number;
  /** Packets from one keyframe to the next, 0 when no whole group came in time. */
  readonly gopPackets: number;
  readonly bitrateKbps: number;
  /** The one in use. */
  readonly transport: 'tcp' | 'udp' | 'multicast';
  /** From the first byte to an open stream; 0 when no connection was made. */
  readonly openMs: number;
  /** The running camera that has this stream, and answered for it; undefined: a connection was made. */
  readonly camera?: string;
}

export interface ProbeOptions {
  readonly transport: Transport;
  readonly tlsVerify: TlsVerify;
  /** For opening and watching, milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the client is gone. */
  readonly signal?: AbortSignal;
}
