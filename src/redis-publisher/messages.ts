/** The one channel between the main thread and the bus worker. Frames are read from the shared rings. */
import type { RedisOptions } from '../redis/redis-link.js';
import type { Asked, BusStatus } from './types.js';

/** Given to the worker at its start. */
export interface BusWorkerData {
  readonly redis: RedisOptions;
  readonly prefix: string;
  /** False: states and events only. */
  readonly publishes: boolean;
}

/** How a camera is, for the table of all. */
export interface CameraRow {
  readonly camera: string;
  readonly json: string;
  /** A serialized VideoCodec; undefined: not known, or not to be published. */
  readonly codec: Uint8Array | undefined;
}

/** Of an event, by the names that they have in Redis. */
export type EventFields = Readonly<Record<string, string>>;

/** A camera whose frames may be wanted. */
export interface CameraMessage {
  readonly kind: 'camera';
  /** Of this camera object: another of the same name has another. */
  readonly id: number;
  readonly camera: string;
  readonly control: SharedArrayBuffer;
}

export type ToBus =
  | CameraMessage
  | { readonly kind: 'ring'; readonly id: number; readonly ring: SharedArrayBuffer }
  /** Bits of FRAME_FILTER: which of its frames go to Redis; 0 = none. Main has raised the demand, and frameWaiters. */
  | { readonly kind: 'publish'; readonly id: number; readonly frameClass: number }
  | { readonly kind: 'forget'; readonly id: number }
  /** All cameras. */
  | { readonly kind: 'table'; readonly rows: readonly CameraRow[] }
  | { readonly kind: 'event'; readonly fields: EventFields }
  | { readonly kind: 'stop' };

export interface CameraProgress {
  readonly id: number;
  readonly published: number;
  readonly dropped: number;
  readonly message: string;
}

export type FromBus =
  | {
      readonly kind: 'status';
      /** '' = connected. */
      readonly outage: string;
      /** Why states and events are not written although it is connected; '' = they are. */
      readonly refusal: string;
      readonly cameras: readonly CameraProgress[];
      readonly events: BusStatus['events'];
    }
  /** Programs ask for that, now (again). */
  | { readonly kind: 'asked'; readonly id: number; readonly asked: Asked };
