/** The messages between the main thread and the publisher thread. Frames are read from the shared rings. */
import type { RedisOptions } from '../redis/redis-link.js';
import type { RequestedFrames, PublisherStatus } from './types.js';

/** workerData of the publisher thread. */
export interface PublisherWorkerData {
  readonly redis: RedisOptions;
  readonly prefix: string;
  /** False: only states and events are published, no frames. */
  readonly publishesFrames: boolean;
}

/** The state of one camera, for the table of all cameras. */
export interface CameraRow {
  readonly camera: string;
  readonly json: string;
  /** A serialized VideoCodec message. Undefined: the codec is not known, or is not published. */
  readonly codec: Uint8Array | undefined;
}

/** The fields of an event under their names in Redis. */
export type EventFields = Readonly<Record<string, string>>;

/** A camera whose frames can be requested. */
export interface CameraMessage {
  readonly kind: 'camera';
  /** Unique for each Camera instance; a camera that is added again under the same name gets a new one. */
  readonly id: number;
  readonly camera: string;
  readonly control: SharedArrayBuffer;
}

export type ToPublisher =
  | CameraMessage
  | { readonly kind: 'ring'; readonly id: number; readonly ring: SharedArrayBuffer }
  /**
   * Which frames of a camera are published: bits of FRAME_FILTER, 0 = none. The main thread has raised the demand and
   * counted itself in frameWaiters.
   */
  | { readonly kind: 'publish'; readonly id: number; readonly frameFilter: number }
  | { readonly kind: 'forget'; readonly id: number }
  /** The states of all cameras. */
  | { readonly kind: 'table'; readonly rows: readonly CameraRow[] }
  | { readonly kind: 'event'; readonly fields: EventFields }
  | { readonly kind: 'stop' };

export interface CameraProgress {
  readonly id: number;
  readonly published: number;
  readonly dropped: number;
  readonly message: string;
}

export type FromPublisher =
  | {
      readonly kind: 'status';
      /** Why Redis is away, as a sentence; '' = connected. */
      readonly outage: string;
      /** Why Redis does not accept states and events although it is connected; '' = it accepts them. */
      readonly refusal: string;
      readonly cameras: readonly CameraProgress[];
      readonly events: PublisherStatus['events'];
    }
  /** Programs have requested these frames, for the first time or again. */
  | { readonly kind: 'requested'; readonly id: number; readonly requested: RequestedFrames };
