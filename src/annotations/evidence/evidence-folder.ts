import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { EVIDENCE_PARTS, evidencePath, ownerOf } from './evidence-files.js';
import type { EvidenceTable } from './evidence-table.js';
import type { MadeEvidence } from './evidence.js';

export interface EvidenceFolderParts {
  readonly folder: string;
  readonly table: EvidenceTable;
  /** annotation.evidence_max_bytes. */
  readonly maxBytes: number;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

/** Maximum number of annotations whose files are deleted before other work of the thread runs. */
const DELETE_LIMIT = 100;
/** An unfinished file that is older than this is not being written any more, because EvidenceMaker has a shorter timeout. */
const MAX_WRITE_MS = 120_000;
const NOTHING = { clipBytes: 0, clipFromMs: 0, clipToMs: 0, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 };

/** Keeps the files of evidence within their size limit, and deletes files that are not needed. Annotation thread. */
export class EvidenceFolder {
  private loggedText = '';

  constructor(private readonly parts: EvidenceFolderParts) {
    this.logFailure(() => {
      mkdirSync(parts.folder, { recursive: true, mode: 0o700 });
      this.deleteLeftovers();
    });
  }

  /**
   * Stores the result of making evidence, and makes room for its files. Without room, the evidence is stored as failed.
   * False: the files are not needed. Repeating the call has no effect, so a caller that got no answer repeats it.
   */
  settle(id: string, made: MadeEvidence): boolean {
    const { table } = this.parts;
    if (table.get(id)?.state === 'pending') this.settlePending(id, made);
    return table.get(id)?.state === 'ready';
  }

  /** Deletes some of the files that are not needed. True: there are more. */
  clean(): boolean {
    let isMore = false;
    this.logFailure(() => {
      const { folder, table } = this.parts;
      const ids = table.removedIds(DELETE_LIMIT);
      for (const id of ids) {
        for (const part of EVIDENCE_PARTS) rmSync(evidencePath(folder, id, part), { force: true });
      }
      if (ids.length > 0) table.forgetRemoved(ids);
      isMore = ids.length === DELETE_LIMIT;
    });
    return isMore;
  }

  private settlePending(id: string, made: MadeEvidence): void {
    const { table, maxBytes } = this.parts;
    const bytes = made.clipBytes + made.jpegBytes;
    const limit = `annotation.evidence_max_bytes (${maxBytes})`;
    const removed = `It was removed to make room for newer evidence: ${limit} was reached.`;
    if (bytes > 0 && (bytes > maxBytes || !table.makeRoom(maxBytes - bytes, removed))) {
      const reason =
        `It needs ${bytes} bytes, and ${limit} leaves no room: evidence of annotations that wait to be delivered or are set aside takes ` +
        `${table.bytes} bytes. Deliver or discard these annotations, or raise the limit.`;
      table.settle(id, { ...made, ...NOTHING, reason });
      return;
    }
    table.settle(id, made);
  }

  /** Deletes files that a crash has left: unfinished files, and files of evidence that is not in the database. */
  private deleteLeftovers(): void {
    const { folder, table } = this.parts;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const owner = entry.isFile() ? ownerOf(entry.name) : undefined;
      if (owner === undefined) continue;
      const path = join(folder, entry.name);
      const state = table.get(owner.id)?.state;
      const isNeeded = owner.isUnfinished ? this.isBeingWritten(path) : state === 'ready' || state === 'pending';
      if (!isNeeded) rmSync(path, { force: true });
    }
  }

  /** Whether the main thread may still write the file. It does so when only this thread was restarted. */
  private isBeingWritten(path: string): boolean {
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    return Math.abs(this.parts.clock.nowMs() - mtimeMs) < MAX_WRITE_MS;
  }

  /** Logs each cause once until `work` succeeds again: the disk may fail for a long time. */
  private logFailure(work: () => void): void {
    try {
      work();
      this.loggedText = '';
    } catch (error) {
      const text = `Files of evidence cannot be removed: ${messageOf(error)}`;
      if (text !== this.loggedText) this.parts.log('warn', text);
      this.loggedText = text;
    }
  }
}
