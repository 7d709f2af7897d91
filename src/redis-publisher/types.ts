import type { PUBLISHED_FRAMES } from '../config/schema.js';

export type PublishedFrames = (typeof PUBLISHED_FRAMES)[number];

/** What programs ask for by their keys. */
export type Asked = 'nothing' | 'keyframes' | 'all';

export interface PublishedCamera {
  readonly camera: string;
  /** Frames of it go to Redis at the moment. */
  readonly publishing: boolean;
  readonly asked: Asked;
  /** Frames since the proxy started, or since the thread that publishes did. */
  readonly published: number;
  /** Wanted, and replaced by newer ones before Redis had taken the one before. */
  readonly dropped: number;
  /** Why its frames are not published; '' = they are when they shall be. */
  readonly message: string;
}

export interface BusStatus {
  readonly connected: boolean;
  /** "host:port". */
  readonly connection: string;
  readonly database: number;
  /** Of being connected or not, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Why it is not connected; '' = it is. */
  readonly message: string;
  readonly publishFrames: PublishedFrames;
  readonly cameras: readonly PublishedCamera[];
  /** `lost`: too many happened while Redis was away. */
  readonly events: { readonly stored: number; readonly waiting: number; readonly lost: number };
}

export interface Bus {
  status(): BusStatus;
}
