import type { TlsVerify, Transport } from '../native/types.js';

/** What the cloud does with a camera's stream. */
export interface StorageFact {
  readonly on: boolean;
  /** When the cloud said so, milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** What a camera is, as the registry keeps it. */
export interface CameraDefinition {
  /** 1 to 128 of A-Z a-z 0-9 . _ - , beginning with a letter or a digit. */
  readonly name: string;
  /** With credentials. Mask it (`redactUrl`) wherever it leaves the process. */
  readonly rtspEndpoint: string;
  readonly rtmpEndpoint?: string;
  readonly transport: Transport;
  readonly tlsVerify: TlsVerify;
  /** Maximum width times height of a picture; undefined: as `camera.max_pixels` says. */
  readonly maxPixels?: number;
  readonly openTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly decoderThreads: number;
  /** Whether it is recorded; undefined: as `buffer.on_disk` says. */
  readonly record?: boolean;
  /** Whether its sound is recorded with it. */
  readonly recordAudio: boolean;
  /** Whether its stream shall be pushed to rtmpEndpoint. */
  readonly passthrough?: boolean;
  /** Whether the cloud shall store it; undefined: nobody has said so yet. */
  readonly storage?: boolean;
  /** What the cloud took last; undefined: nothing yet. */
  readonly storing?: StorageFact;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  readonly modifiedMs: number;
}
