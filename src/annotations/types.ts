import type { AnnotateRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { AnnotationPlace, ShownAnnotation } from '../database/annotation.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';

/** cloud: they are sent; local: they are only kept. */
export type AnnotationMode = 'cloud' | 'local';

/** How the queue that proxies share fares. */
export interface SharedQueueStatus {
  readonly connected: boolean;
  /** Why it cannot be used, as a sentence; '' = it can. */
  readonly message: string;
  /** Of those that wait, the ones that are in it. */
  readonly shared: number;
  /** Which proxy sends; none, as far as this one knows. */
  readonly sender: 'this' | 'other' | 'none';
}

export interface AnnotationsStatus {
  readonly mode: AnnotationMode;
  /** That wait or are on their way. */
  readonly queued: number;
  readonly inFlight: number;
  /** Since the database was made. */
  readonly delivered: number;
  readonly setAside: number;
  /** Delivered or local ones that can still be asked for. */
  readonly kept: number;
  /** Of the oldest that is queued; undefined: none is. */
  readonly oldestAgeMs: number | undefined;
  /** Why nothing is sent at the moment although something waits, as a sentence; '' = it is sent. */
  readonly paused: string;
  /** The last thing that went wrong, as a sentence, and when, milliseconds since the epoch; '' and 0 = nothing did. */
  readonly lastError: string;
  readonly lastErrorMs: number;
  /** When it is tried again, milliseconds since the epoch; 0 = nothing has to be tried again. */
  readonly nextAttemptMs: number;
  /** Undefined: this proxy shares its annotations with none. */
  readonly redis?: SharedQueueStatus | undefined;
}

/** Moments are those of start_timestamp, milliseconds since the epoch, inclusive. */
export interface AnnotationQuery {
  /** Undefined: all. */
  readonly camera: string | undefined;
  readonly type: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  /** Where the page before has ended. */
  readonly after: AnnotationPlace | undefined;
  readonly limit: number;
}

export interface AnnotationPage {
  readonly annotations: readonly ShownAnnotation[];
  /** There may be more after this one. A page may have fewer than its limit although there are more. */
  readonly next: AnnotationPlace | undefined;
}

/** requeue: they are sent again, behind those that wait; discard: they are removed. */
export type RefusedHandling = 'requeue' | 'discard';

/** A call of Annotate. */
export interface AnnotateCall {
  /** The caller does not wait any more. */
  readonly isGone: () => boolean;
}

/** The annotations of all cameras. Every promise rejects with a ChrysError. */
export interface Annotations {
  /**
   * Resolves with its id when it is stored so that it outlives a power cut. One whose caller has gone before is not
   * stored.
   */
  annotate(request: AnnotateRequest, call: AnnotateCall): Promise<string>;
  status(): Promise<AnnotationsStatus>;
  /** Undefined: there is none of that id (any more). */
  get(id: string): Promise<ShownAnnotation | undefined>;
  /** By start_timestamp. */
  list(query: AnnotationQuery): Promise<AnnotationPage>;
  /** Those that the endpoint refused, after a place in the queue. */
  refused(afterSeq: number, limit: number): Promise<readonly ShownAnnotation[]>;
  /** Does that with refused ones, all without `ids`, and says how many they were. */
  handleRefused(how: RefusedHandling, ids: readonly string[] | undefined): Promise<number>;
  checkEndpoint(): Promise<EndpointCheck>;
  /** From now on; what waits for them is sent at once. */
  useKeys(keys: EdgeKeys): void;
}
