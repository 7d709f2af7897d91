import type { Evidence, EvidenceWish } from './evidence.js';

/** What becomes of an annotation. */
export type AnnotationState = 'queued' | 'delivered' | 'set_aside' | 'local';

/** One that is to be stored. */
export interface NewAnnotation {
  /** Never given twice; every attempt to send it repeats it. */
  readonly id: string;
  readonly camera: string;
  readonly type: string;
  /** start_timestamp, milliseconds since the epoch. */
  readonly startMs: number;
  /** When it was taken, milliseconds since the epoch. */
  readonly storedMs: number;
  /** As it is sent. */
  readonly json: string;
  /** Undefined: none is wanted. */
  readonly evidence?: EvidenceWish;
}

/** One that is to be sent. */
export interface QueuedAnnotation {
  /** Grows in the order in which they are to be sent. */
  readonly seq: number;
  readonly id: string;
  readonly camera: string;
  readonly storedMs: number;
  readonly json: string;
}

/** One that is in the queue that proxies share. */
export type SharedAnnotation = Pick<QueuedAnnotation, 'seq' | 'id'>;

/** What became of one that was sent from there. */
export interface SettledAnnotation {
  readonly id: string;
  /** Why it was set aside; undefined: it was delivered. */
  readonly refusal: string | undefined;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** One as it is shown. */
export interface ShownAnnotation extends NewAnnotation {
  readonly seq: number;
  readonly state: AnnotationState;
  /** When it was delivered or set aside, milliseconds since the epoch; 0 = it was not. */
  readonly doneMs: number;
  /** Why it was set aside; '' = it was not. */
  readonly reason: string;
  /** Undefined: none was wanted. */
  readonly evidence?: Evidence;
}

/** How many there are; `delivered` counts since the database was made, also those that are not kept any more. */
export interface AnnotationTotals {
  /** That wait, also those that are shared. */
  readonly queued: number;
  readonly setAside: number;
  /** Delivered or local, and still there. */
  readonly kept: number;
  readonly delivered: number;
  /** Of those that wait, the ones that are in the queue that proxies share. */
  readonly shared: number;
}

/** A place in the order by start_timestamp. */
export interface AnnotationPlace {
  readonly startMs: number;
  readonly seq: number;
}
