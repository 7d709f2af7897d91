import { requestsEvidence } from './evidence/evidence-request.js';
import type { Annotations } from './types.js';

export interface AnnotateParts {
  readonly annotations: Pick<Annotations, 'annotate'>;
  /** Stores annotations that request evidence. */
  readonly evidence: Pick<Annotations, 'annotate'>;
}

/** Handles Annotate calls. Only calls that request evidence go through the evidence code. */
export function annotateCalls({ annotations, evidence }: AnnotateParts): Pick<Annotations, 'annotate'> {
  return {
    annotate: (request, call) => (requestsEvidence(request) ? evidence : annotations).annotate(request, call),
  };
}
