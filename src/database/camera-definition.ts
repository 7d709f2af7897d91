import type { TlsVerify, Transport } from '../native/types.js';

/** Whether the cloud stores a camera's stream, according to its last answer. */
export interface StorageFact {
  readonly on: boolean;
  /** When the cloud said so, milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** The settings of a camera, as the registry stores them. */
export interface CameraDefinition {
  /** 1 to 128 characters of A-Z a-z 0-9 . _ - , beginning with a letter or a digit. */
  readonly name: string;
  /** Has credentials: mask it with `redactUrl` before it leaves the process. */
  readonly rtspEndpoint: string;
  readonly rtmpEndpoint?: string;
  readonly transport: Transport;
  readonly tlsVerify: TlsVerify;
  /** Maximum width times height of a picture; undefined: `camera.max_pixels` decides. */
  readonly maxPixels?: number;
  readonly openTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly decoderThreads: number;
  /** Whether the camera is recorded; undefined: `buffer.on_disk` decides. */
  readonly record?: boolean;
  /** Whether the audio is recorded, too. */
  readonly recordAudio: boolean;
  /** Whether the stream is to be pushed to rtmpEndpoint. */
  readonly passthrough?: boolean;
  /** Whether the cloud is to store the stream; undefined: never set. */
  readonly storage?: boolean;
  /** The last answer of the cloud; undefined: none yet. */
  readonly storing?: StorageFact;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  readonly modifiedMs: number;
}
