import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { AnnotateRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { ItemPage, ItemQuery, OutboxStatus, RefusedAction, StoreCall } from '../outbox/types.js';
import type { ShownAnnotation } from './annotation.js';

/** The annotations of all cameras. Every promise rejects with a ChrysError. */
export interface Annotations {
  /**
   * Stores an annotation. Resolves with its id when it survives a power cut. An annotation whose caller ends the call before
   * its turn is not stored.
   */
  annotate(request: AnnotateRequest, call: StoreCall): Promise<string>;
  status(): Promise<OutboxStatus>;
  /** Undefined: there is no annotation with this id, or it was deleted. */
  get(id: string): Promise<ShownAnnotation | undefined>;
  /** In the order of start_timestamp. */
  list(query: ItemQuery): Promise<ItemPage<ShownAnnotation>>;
  /** Up to `limit` annotations that the endpoint refused, in the order of the queue, after the position `afterSeq`. */
  refused(afterSeq: number, limit: number): Promise<readonly ShownAnnotation[]>;
  /** Requeues or discards refused annotations, all when `ids` is undefined. Returns their number. */
  handleRefused(action: RefusedAction, ids: readonly string[] | undefined): Promise<number>;
  checkEndpoint(): Promise<EndpointCheck>;
  /** Annotations that wait for keys are sent at once. */
  useKeys(keys: EdgeKeys): void;
}
