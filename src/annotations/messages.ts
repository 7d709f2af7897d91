/** The one channel between the main thread and the annotation worker. */
import type { ErrorKind } from '../base/errors.js';
import type { NewAnnotation, ShownAnnotation } from '../database/annotation.js';
import type { KeptSnapshot, MadeEvidence, PendingEvidence } from '../database/evidence.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { SenderOptions } from './sender.js';
import type { SharedQueueOptions } from './shared/shared-queue.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import type { AnnotationPage, AnnotationQuery, AnnotationsStatus, RefusedHandling } from './types.js';

/** Given to the worker at its start. */
export interface AnnotationWorkerData extends SenderOptions {
  readonly dataDir: string;
  readonly endpoint: string;
  readonly timeoutMs: number;
  /** Most annotations that are queued or set aside. */
  readonly maxQueue: number;
  /** How long those that were delivered are kept. */
  readonly keepMs: number;
  readonly keys: EdgeKeys;
  /** Of the queue that proxies share; undefined: this proxy has its annotations for itself. */
  readonly redis?: SharedQueueOptions | undefined;
  /** Whether evidence is sent with its annotation. */
  readonly sendEvidence: boolean;
  /** Most bytes of all evidence. */
  readonly evidenceMaxBytes: number;
}

export type Question =
  | { readonly kind: 'status' }
  | { readonly kind: 'list'; readonly query: AnnotationQuery }
  | { readonly kind: 'refused'; readonly afterSeq: number; readonly limit: number }
  | { readonly kind: 'handleRefused'; readonly how: RefusedHandling; readonly ids: readonly string[] | undefined }
  | { readonly kind: 'checkEndpoint' }
  | { readonly kind: 'get'; readonly id: string }
  | { readonly kind: 'pendingEvidence'; readonly limit: number }
  | { readonly kind: 'noteSnapshot'; readonly id: string; readonly snapshot: KeptSnapshot }
  | { readonly kind: 'settleEvidence'; readonly id: string; readonly made: MadeEvidence };

/** What each question is answered with. */
export interface Answers {
  readonly status: AnnotationsStatus;
  readonly list: AnnotationPage;
  readonly refused: readonly ShownAnnotation[];
  readonly handleRefused: number;
  readonly checkEndpoint: EndpointCheck;
  readonly get: ShownAnnotation | undefined;
  readonly pendingEvidence: readonly PendingEvidence[];
  readonly noteSnapshot: undefined;
  /** False: its files are of no use. */
  readonly settleEvidence: boolean;
}

export type ToAnnotationWorker =
  /** Answered with 'stored'; the next one is sent only then. */
  | { readonly kind: 'store'; readonly annotations: readonly NewAnnotation[] }
  | { readonly kind: 'keys'; readonly keys: EdgeKeys }
  /** Answered with 'answer'. */
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  /** Ends the thread; what waits stays in the database. */
  | { readonly kind: 'stop' };

/** A ChrysError; other errors are of the kind 'internal'. */
export interface SentError {
  readonly kind: ErrorKind;
  readonly message: string;
}

export type FromAnnotationWorker =
  | { readonly kind: 'opened' }
  /** The database is of no use: the thread ends by this error. */
  | { readonly kind: 'unusable'; readonly error: SentError }
  /** The first so many are durable; the others are not stored, because of the error. */
  | { readonly kind: 'stored'; readonly count: number; readonly error?: SentError }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: SentError }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly text: string };
