import type { OutboxData } from '../outbox/messages.js';
import type { ItemPage, ItemQuery } from '../outbox/types.js';
import type { ShownAnnotation } from './annotation.js';
import type { StoredSnapshot, MadeEvidence, PendingEvidence } from './evidence/evidence.js';

/** The settings of the annotation thread. */
export interface AnnotationData extends OutboxData {
  /** Whether evidence is sent with its annotation. */
  readonly sendEvidence: boolean;
  /** Maximum size of all evidence. */
  readonly evidenceMaxBytes: number;
}

/** The questions that the annotation thread answers in addition to the questions of an outbox. */
export interface AnnotationQuestions {
  readonly get: { readonly question: { readonly id: string }; readonly answer: ShownAnnotation | undefined };
  readonly list: { readonly question: ItemQuery; readonly answer: ItemPage<ShownAnnotation> };
  readonly refused: {
    readonly question: { readonly afterSeq: number; readonly limit: number };
    readonly answer: readonly ShownAnnotation[];
  };
  readonly pendingEvidence: {
    readonly question: { readonly limit: number };
    readonly answer: readonly PendingEvidence[];
  };
  readonly noteSnapshot: {
    readonly question: { readonly id: string; readonly snapshot: StoredSnapshot };
    readonly answer: undefined;
  };
  /** False: the files are not needed. */
  readonly settleEvidence: {
    readonly question: { readonly id: string; readonly made: MadeEvidence };
    readonly answer: boolean;
  };
}
