import { asksForEvidence } from './evidence/evidence-request.js';
import type { Annotations } from './types.js';

export interface AnnotateParts {
  readonly annotations: Pick<Annotations, 'annotate'>;
  /** Stores annotations whose requests ask for evidence. */
  readonly evidence: Pick<Annotations, 'annotate'>;
}

/** Handles Annotate calls: only those that ask for evidence go through the evidence code. */
export function annotateCalls({ annotations, evidence }: AnnotateParts): Pick<Annotations, 'annotate'> {
  return {
    annotate: (request, call) => (asksForEvidence(request) ? evidence : annotations).annotate(request, call),
  };
}
