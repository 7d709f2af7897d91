import { ChrysError } from '../../base/errors.js';
import type { EvidenceWish, PendingEvidence } from '../../database/evidence.js';

/** Evidence that waits to be made. Its parts of the recordings must stay, so there is a limit. */
export const MAX_PENDING = 1000;

/** Part of a camera's recording that stays; microseconds since the epoch, inclusive. */
interface Span {
  readonly camera: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** Evidence, as the annotations' database has it. */
export interface StoredEvidence {
  pendingEvidence(limit: number): Promise<readonly PendingEvidence[]>;
}

/** The evidence that is still to be made. Main thread. */
export class PendingBook {
  private readonly byId = new Map<string, PendingEvidence>();
  /** Of annotations that are not stored yet. */
  private readonly early = new Set<EvidenceWish>();

  /** With what an earlier run has left. */
  static async open(stored: StoredEvidence): Promise<PendingBook> {
    const book = new PendingBook();
    for (const evidence of await stored.pendingEvidence(MAX_PENDING)) book.add(evidence);
    return book;
  }

  get all(): readonly PendingEvidence[] {
    return [...this.byId.values()];
  }

  /** False: it is in the book already. */
  add(evidence: PendingEvidence): boolean {
    if (this.byId.has(evidence.id)) return false;
    this.byId.set(evidence.id, evidence);
    return true;
  }

  remove(id: string): void {
    this.byId.delete(id);
  }

  /** Keeps what it needs from now on, until the returned function is called. Throws resource_exhausted. */
  protect(wish: EvidenceWish): () => void {
    if (this.byId.size + this.early.size >= MAX_PENDING) {
      const text =
        `The evidence of ${MAX_PENDING} annotations is still to be made, and more cannot wait. This annotation was not ` +
        'stored: send it again later, or without evidence.';
      throw new ChrysError('resource_exhausted', text);
    }
    this.early.add(wish);
    return () => {
      this.early.delete(wish);
    };
  }

  /** What must not be cleaned away. */
  spans(): Span[] {
    return [...this.byId.values(), ...this.early].map(({ camera, fromMs, toMs }) => ({
      camera,
      fromUs: fromMs * 1000,
      toUs: toMs * 1000 + 999,
    }));
  }
}
