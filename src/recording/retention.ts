import type { SegmentSize } from '../database/segment-index.js';
import { ageUs, type ForwardJump } from './clock-jumps.js';

/** What is kept. 0 = no limit. */
export interface RetentionRules {
  readonly olderThanMs: number;
  readonly maxBytesPerCamera: number;
  readonly maxBytesTotal: number;
  readonly minFreeBytes: number;
}

/** Part of a camera's recording that stays. Microseconds since the epoch, inclusive. */
export interface ProtectedSpan {
  readonly camera: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** The state of the recordings that is held against the rules. */
export interface RecordingsNow {
  readonly nowUs: number;
  readonly jumps: readonly ForwardJump[];
  readonly protectedSpans: readonly ProtectedSpan[];
  /** Ids of segments that could not be deleted. */
  readonly stuck: ReadonlySet<number>;
  /** By camera. */
  readonly bytes: ReadonlyMap<string, number>;
  /** Of the file system. */
  readonly freeBytes: number;
  /** The oldest segments of a camera, or of all, from the one after `after` on; empty when there are no more. */
  oldest(camera: string | undefined, after: SegmentSize | undefined): readonly SegmentSize[];
}

export interface Verdict {
  /** The oldest first. */
  readonly remove: readonly SegmentSize[];
  /** There is more to remove than this. */
  readonly more: boolean;
}

/** Which segments go, at most `limit` of them. The oldest goes first, and none that a protected span touches. */
export function whatGoes(rules: RetentionRules, now: RecordingsNow, limit: number): Verdict {
  const choice = new Choice(now, limit);
  if (rules.olderThanMs > 0) {
    const limitUs = rules.olderThanMs * 1000;
    choice.take(undefined, (segment) => ageUs(endUsOf(segment), now.nowUs, now.jumps) > limitUs);
  }
  if (rules.maxBytesPerCamera > 0) {
    for (const camera of now.bytes.keys()) {
      choice.take(camera, () => choice.bytesOf(camera) > rules.maxBytesPerCamera);
    }
  }
  if (rules.maxBytesTotal > 0) choice.take(undefined, () => choice.totalBytes > rules.maxBytesTotal);
  if (rules.minFreeBytes > 0) choice.take(undefined, () => now.freeBytes + choice.takenBytes < rules.minFreeBytes);
  return { remove: choice.taken, more: choice.isFull };
}

/** Whether one of the rules of size is broken. */
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

class Choice {
  readonly taken: SegmentSize[] = [];
  isFull = false;
  takenBytes = 0;
  private readonly ids = new Set<number>();
  private readonly takenOf = new Map<string, number>();
  private readonly allBytes: number;

  constructor(
    private readonly now: RecordingsNow,
    private readonly limit: number,
  ) {
    this.allBytes = [...now.bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get totalBytes(): number {
    return this.allBytes - this.takenBytes;
  }

  bytesOf(camera: string): number {
    return (this.now.bytes.get(camera) ?? 0) - (this.takenOf.get(camera) ?? 0);
  }

  /** From the oldest on, as long as `goes` says so. */
  take(camera: string | undefined, goes: (segment: SegmentSize) => boolean): void {
    let after: SegmentSize | undefined;
    for (;;) {
      const page = this.now.oldest(camera, after);
      if (page.length === 0) return;
      for (const segment of page) {
        after = segment;
        if (this.ids.has(segment.id)) continue;
        if (!goes(segment)) return;
        if (this.now.stuck.has(segment.id) || this.isProtected(segment)) continue;
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
    return this.now.protectedSpans.some(
      ({ camera, fromUs, toUs }) => camera === segment.camera && fromUs <= endUsOf(segment) && toUs >= segment.startUs,
    );
  }
}

function endUsOf({ startUs, durationUs }: SegmentSize): number {
  return startUs + durationUs;
}
