import { statfsSync } from 'node:fs';

import { messageOf } from '../base/errors.js';
import type { SegmentSize, SegmentWriter } from '../database/segment-writer.js';
import type { FromRecorder, ToRecorder } from './messages.js';
import { isOverLimit, planDeletion, type DeletionPlan, type RetentionRules } from './retention.js';
import { isSegmentName, type SegmentFiles } from './segment-files.js';

/** Maximum number of segments that are deleted before recording goes on. Deleting a file of some megabytes takes about 1 ms. */
const MAX_DELETED_AT_ONCE = 50;
const PAGE = 200;

/** Deletes segments that the retention rules do not keep, and counts the bytes of all segments. Recorder thread. */
export class Cleaner {
  private readonly bytes: Map<string, number>;
  private totalBytes = 0;
  private readonly undeletable = new Set<number>();
  /** The last warning, so that it is logged once. */
  private warned = '';

  constructor(
    private readonly rules: RetentionRules,
    private readonly files: SegmentFiles,
    private readonly index: SegmentWriter,
    private readonly log: (level: 'info' | 'warn', text: string) => void,
  ) {
    this.bytes = new Map(index.sums());
    for (const bytes of this.bytes.values()) this.totalBytes += bytes;
  }

  /** Call this when a segment was added to the index, with its size in bytes, or removed, with the negative size. */
  count(camera: string, bytes: number): void {
    const sum = (this.bytes.get(camera) ?? 0) + bytes;
    if (sum > 0) this.bytes.set(camera, sum);
    else this.bytes.delete(camera);
    this.totalBytes += bytes;
  }

  /** Whether a size limit is exceeded. Called after a segment of that camera was written. */
  isOverLimit(camera: string): boolean {
    const free = this.rules.minFreeBytes > 0 ? this.freeBytes() : Infinity;
    return isOverLimit(this.rules, { ofCamera: this.bytes.get(camera) ?? 0, total: this.totalBytes, free });
  }

  /** Deletes up to MAX_DELETED_AT_ONCE segments. */
  clean(message: Extract<ToRecorder, { kind: 'clean' }>): Extract<FromRecorder, { kind: 'cleaned' }> {
    let plan: DeletionPlan;
    try {
      this.files.expectDisk();
      plan = this.plan(message);
    } catch (error) {
      this.warnOnce(`Old segments cannot be deleted: ${messageOf(error)}`);
      return { kind: 'cleaned', deleted: 0, more: false };
    }
    const deleted = plan.segments.filter((segment) => this.tryToRemove(segment)).length;
    if (deleted === plan.segments.length && deleted > 0) this.warned = '';
    // The next cleaning tries these segments again.
    if (!plan.hasMore) this.undeletable.clear();
    return { kind: 'cleaned', deleted, more: plan.hasMore };
  }

  private plan(message: Extract<ToRecorder, { kind: 'clean' }>): DeletionPlan {
    return planDeletion(
      this.rules,
      {
        ...message,
        undeletable: this.undeletable,
        bytes: this.bytes,
        freeBytes: this.rules.minFreeBytes > 0 ? this.freeBytes() : Infinity,
        oldest: (camera, after) => this.index.oldest(camera, after, PAGE),
      },
      MAX_DELETED_AT_ONCE,
    );
  }

  /** A segment that cannot be deleted does not stop the cleaning. */
  private tryToRemove(segment: SegmentSize): boolean {
    try {
      return this.remove(segment);
    } catch (error) {
      this.undeletable.add(segment.id);
      this.warnOnce(`An old segment cannot be deleted: ${messageOf(error)}`);
      return false;
    }
  }

  /** Warns that a size limit is exceeded although nothing more can be deleted. */
  warnNothingToDelete(): void {
    this.warnOnce(
      'A size limit is exceeded and nothing more can be deleted: clips protect the recordings, or other files fill the ' +
        'disk. Remove some of these, or change buffer.on_disk_max_bytes… or on_disk_min_free_bytes.',
    );
  }

  /** Removes the file before the row. After a crash in between, the next check finds the row without a file. */
  private remove(segment: SegmentSize): boolean {
    const { camera, file } = segment;
    const isOurs = isSegmentName(file) && this.files.regularFile(camera, file) !== undefined;
    if (isOurs) this.files.remove(camera, file);
    this.index.remove(segment.id);
    this.count(camera, -segment.bytes);
    return isOurs;
  }

  private freeBytes(): number {
    try {
      const { bavail, bsize } = statfsSync(this.files.folder);
      return bavail * bsize;
    } catch {
      // The folder is missing, so there is nothing to delete.
      return Infinity;
    }
  }

  private warnOnce(text: string): void {
    if (text === this.warned) return;
    this.warned = text;
    this.log('warn', text);
  }
}
