import { statfsSync } from 'node:fs';

import { messageOf } from '../base/errors.js';
import type { SegmentSize, SegmentWriter } from '../database/segment-index.js';
import type { FromRecorder, ToRecorder } from './messages.js';
import { isOverLimit, whatGoes, type RetentionRules, type Verdict } from './retention.js';
import { isSegmentName, type SegmentFiles } from './segment-files.js';

/** Recording goes on after so many: deleting a file of some megabytes takes about a millisecond. */
const MAX_AT_A_TIME = 50;
const PAGE = 200;

/** Deletes segments that the rules do not keep, and keeps count of their bytes. Recorder worker. */
export class Cleaner {
  private readonly bytes: Map<string, number>;
  private totalBytes = 0;
  private readonly stuck = new Set<number>();
  /** What was told last of a segment that cannot be deleted, so that it is told once. */
  private told = '';

  constructor(
    private readonly rules: RetentionRules,
    private readonly files: SegmentFiles,
    private readonly index: SegmentWriter,
    private readonly log: (level: 'info' | 'warn', text: string) => void,
  ) {
    this.bytes = new Map(index.sums());
    for (const bytes of this.bytes.values()) this.totalBytes += bytes;
  }

  /** A segment came into the index; with a negative number, it left. */
  count(camera: string, bytes: number): void {
    const sum = (this.bytes.get(camera) ?? 0) + bytes;
    if (sum > 0) this.bytes.set(camera, sum);
    else this.bytes.delete(camera);
    this.totalBytes += bytes;
  }

  /** Whether a rule of size is broken, after a segment of that camera was written. */
  isOverLimit(camera: string): boolean {
    const free = this.rules.minFreeBytes > 0 ? this.freeBytes() : Infinity;
    return isOverLimit(this.rules, { ofCamera: this.bytes.get(camera) ?? 0, total: this.totalBytes, free });
  }

  /** Deletes a bounded number. */
  clean(message: Extract<ToRecorder, { kind: 'clean' }>): Extract<FromRecorder, { kind: 'cleaned' }> {
    let verdict: Verdict;
    try {
      this.files.expectDisk();
      verdict = this.verdict(message);
    } catch (error) {
      this.tell(`old segments cannot be deleted: ${messageOf(error)}`);
      return { kind: 'cleaned', deleted: 0, more: false };
    }
    const deleted = verdict.remove.filter((segment) => this.tryToRemove(segment)).length;
    if (deleted === verdict.remove.length && deleted > 0) this.told = '';
    // The next time that there is nothing else to do, those are tried again.
    if (!verdict.more) this.stuck.clear();
    return { kind: 'cleaned', deleted, more: verdict.more };
  }

  private verdict(message: Extract<ToRecorder, { kind: 'clean' }>): Verdict {
    return whatGoes(
      this.rules,
      {
        ...message,
        stuck: this.stuck,
        bytes: this.bytes,
        freeBytes: this.rules.minFreeBytes > 0 ? this.freeBytes() : Infinity,
        oldest: (camera, after) => this.index.oldest(camera, after, PAGE),
      },
      MAX_AT_A_TIME,
    );
  }

  /** One that cannot be deleted must not keep the others. */
  private tryToRemove(segment: SegmentSize): boolean {
    try {
      return this.remove(segment);
    } catch (error) {
      this.stuck.add(segment.id);
      this.tell(`an old segment cannot be deleted: ${messageOf(error)}`);
      return false;
    }
  }

  /** Once, until something was deleted again. */
  tellFutile(): void {
    this.tell(
      'a limit of size is exceeded and nothing more can be deleted: what is recorded is protected by clips, or other ' +
        'files fill the disk. Remove some of these, or change buffer.on_disk_max_bytes… or on_disk_min_free_bytes',
    );
  }

  /** The file first: what is left after a crash between the two is a row without a file, which the next check finds. */
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
      // The folder is away: then there is nothing to delete in it either.
      return Infinity;
    }
  }

  private tell(text: string): void {
    if (text === this.told) return;
    this.told = text;
    this.log('warn', text);
  }
}
