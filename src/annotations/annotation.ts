import type { NewItem, ShownItem } from '../outbox/item.js';
import type { Evidence, EvidenceRequest } from './evidence/evidence.js';

/** An annotation that is to be stored. `startMs` is the start_timestamp. */
export interface NewAnnotation extends NewItem {
  /** Undefined: no evidence was requested. */
  readonly evidence?: EvidenceRequest;
}

/** An annotation as users see it. */
export interface ShownAnnotation extends ShownItem {
  /** Undefined: no evidence was requested. */
  readonly evidence?: Evidence;
}
