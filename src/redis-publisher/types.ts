import type { PUBLISHED_FRAMES } from '../config/schema.js';

export type PublishedFrames = (typeof PUBLISHED_FRAMES)[number];

/** The frames that programs request through their keys. */
export type RequestedFrames = 'nothing' | 'keyframes' | 'all';

export interface PublishedCamera {
  readonly camera: string;
  /** Whether its frames are published at the moment. */
  readonly publishing: boolean;
  readonly requested: RequestedFrames;
  /** Frames since the publisher thread started. */
  readonly published: number;
  /** Frames that newer ones replaced because Redis was slow, and frames that Redis refused. */
  readonly dropped: number;
  /** Why its frames are not published although they should be; '' = no such reason. */
  readonly message: string;
}

export interface PublisherStatus {
  readonly connected: boolean;
  /** "host:port". */
  readonly connection: string;
  readonly database: number;
  /** When `connected` changed last, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Why Redis is not connected, or what it refuses; '' = there is no problem. */
  readonly message: string;
  readonly publishFrames: PublishedFrames;
  readonly cameras: readonly PublishedCamera[];
  /** Counts. `lost`: dropped because too many events waited while Redis was away. */
  readonly events: { readonly stored: number; readonly waiting: number; readonly lost: number };
}

export interface Publisher {
  status(): PublisherStatus;
}
