import type { SegmentSize } from '../database/segment-writer.js';
import { ageUs, type ForwardJump } from './clock-jumps.js';

/** Segments beyond these limits are deleted. 0 = no limit. */
export interface RetentionRules {
  readonly olderThanMs: number;
  readonly maxBytesPerCamera: number;
  readonly maxBytesTotal: number;
  readonly minFreeBytes: number;
}

/** A part of a camera's recording that must not be deleted. Microseconds since the epoch, both inclusive. */
export interface ProtectedSpan {
  readonly camera: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** The state of the recordings, to which the rules are applied. */
export interface RetentionState {
  readonly nowUs: number;
  readonly jumps: readonly ForwardJump[];
  readonly protectedSpans: readonly ProtectedSpan[];
  /** Ids of segments that could not be deleted. */
  readonly undeletable: ReadonlySet<number>;
  /** Bytes of each camera. */
  readonly bytes: ReadonlyMap<string, number>;
  /** Free space of the file system. */
  readonly freeBytes: number;
  /** The next segments of a camera, or of all cameras, after `after`, oldest first. Empty: there are no more. */
  oldest(camera: string | undefined, after: SegmentSize | undefined): readonly SegmentSize[];
}

export interface DeletionPlan {
  /** Segments to delete, oldest first. */
  readonly segments: readonly SegmentSize[];
  /** Whether there are more segments to delete. */
  readonly hasMore: boolean;
}

/** Chooses up to `limit` segments to delete: the oldest first, and none that overlaps a protected span. */
export function planDeletion(rules: RetentionRules, state: RetentionState, limit: number): DeletionPlan {
  const selection = new Selection(state, limit);
  if (rules.olderThanMs > 0) {
    const limitUs = rules.olderThanMs * 1000;
    selection.take(undefined, (segment) => ageUs(endUsOf(segment), state.nowUs, state.jumps) > limitUs);
  }
  if (rules.maxBytesPerCamera > 0) {
    for (const camera of state.bytes.keys()) {
      selection.take(camera, () => selection.bytesOf(camera) > rules.maxBytesPerCamera);
    }
  }
  if (rules.maxBytesTotal > 0) selection.take(undefined, () => selection.totalBytes > rules.maxBytesTotal);
  if (rules.minFreeBytes > 0)
    selection.take(undefined, () => state.freeBytes + selection.takenBytes < rules.minFreeBytes);
  return { segments: selection.taken, hasMore: selection.isFull };
}

/** Whether a size limit is exceeded. */
export function isOverLimit(
  rules: RetentionRules,
  bytes: { readonly ofCamera: number; readonly total: number; readonly free: number },
): boolean {
  return (
    (rules.maxBytesPerCamera > 0 && bytes.ofCamera > rules.maxBytesPerCamera) ||
    (rules.maxBytesTotal > 0 && bytes.total > rules.maxBytesTotal) ||
    bytes.free < rules.minFreeBytes
  );
}

class Selection {
  readonly taken: SegmentSize[] = [];
  isFull = false;
  takenBytes = 0;
  private readonly ids = new Set<number>();
  private readonly takenOf = new Map<string, number>();
  private readonly allBytes: number;

  constructor(
    private readonly state: RetentionState,
    private readonly limit: number,
  ) {
    this.allBytes = [...state.bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get totalBytes(): number {
    return this.allBytes - this.takenBytes;
  }

  bytesOf(camera: string): number {
    return (this.state.bytes.get(camera) ?? 0) - (this.takenOf.get(camera) ?? 0);
  }

  /** Takes segments, oldest first, while `isTooMuch` is true. */
  take(camera: string | undefined, isTooMuch: (segment: SegmentSize) => boolean): void {
    let after: SegmentSize | undefined;
    for (;;) {
      const page = this.state.oldest(camera, after);
      if (page.length === 0) return;
      for (const segment of page) {
        after = segment;
        if (this.ids.has(segment.id)) continue;
        if (!isTooMuch(segment)) return;
        if (this.state.undeletable.has(segment.id) || this.isProtected(segment)) continue;
        if (this.taken.length >= this.limit) {
          this.isFull = true;
          return;
        }
        this.add(segment);
      }
    }
  }

  private add(segment: SegmentSize): void {
    this.taken.push(segment);
    this.ids.add(segment.id);
    this.takenBytes += segment.bytes;
    this.takenOf.set(segment.camera, (this.takenOf.get(segment.camera) ?? 0) + segment.bytes);
  }

  private isProtected(segment: SegmentSize): boolean {
    return this.state.protectedSpans.some(
      ({ camera, fromUs, toUs }) => camera === segment.camera && fromUs <= endUsOf(segment) && toUs >= segment.startUs,
    );
  }
}

function endUsOf({ startUs, durationUs }: SegmentSize): number {
  return startUs + durationUs;
}
