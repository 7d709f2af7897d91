import { ChrysError } from '../../base/errors.js';
import { rangeInUs } from '../../base/microseconds.js';
import type { EvidenceRequest, PendingEvidence } from './evidence.js';

/** Maximum number of pending pieces of evidence, because retention must keep the recordings of each. */
export const MAX_PENDING = 1000;

/** Part of a camera's recording that must be kept; microseconds since the epoch, inclusive. */
interface ProtectedSpan {
  readonly camera: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** Where pending evidence is stored. */
export interface PendingEvidenceStore {
  pendingEvidence(limit: number): Promise<readonly PendingEvidence[]>;
}

/** The evidence that is still to be made. Retention keeps its parts of the recordings. Main thread. */
export class PendingEvidenceList {
  private readonly byId = new Map<string, PendingEvidence>();
  /** Requests whose annotations are not stored yet. */
  private readonly unstored = new Set<EvidenceRequest>();

  /** Loads the pending evidence of earlier runs. */
  static async open(store: PendingEvidenceStore): Promise<PendingEvidenceList> {
    const list = new PendingEvidenceList();
    for (const evidence of await store.pendingEvidence(MAX_PENDING)) list.add(evidence);
    return list;
  }

  get all(): readonly PendingEvidence[] {
    return [...this.byId.values()];
  }

  /** False: the evidence is already in the list. */
  add(evidence: PendingEvidence): boolean {
    if (this.byId.has(evidence.id)) return false;
    this.byId.set(evidence.id, evidence);
    return true;
  }

  remove(id: string): void {
    this.byId.delete(id);
  }

  /** Protects the recordings of a request until the returned function is called. Throws resource_exhausted. */
  protect(request: EvidenceRequest): () => void {
    if (this.byId.size + this.unstored.size >= MAX_PENDING) {
      const text =
        `The evidence of ${MAX_PENDING} annotations is still to be made, which is the maximum. This annotation was not ` +
        'stored: send it again later, or without evidence.';
      throw new ChrysError('resource_exhausted', text);
    }
    this.unstored.add(request);
    return () => {
      this.unstored.delete(request);
    };
  }

  /** The parts of recordings that retention must keep. */
  protectedSpans(): ProtectedSpan[] {
    return [...this.byId.values(), ...this.unstored].map(({ camera, fromMs, toMs }) => ({
      camera,
      ...rangeInUs(fromMs, toMs),
    }));
  }
}
