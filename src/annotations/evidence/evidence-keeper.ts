import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.js';
import type { EvidenceTable } from '../../database/evidence-table.js';
import type { MadeEvidence } from '../../database/evidence.js';
import { EVIDENCE_PARTS, evidencePath, ownerOf } from './evidence-files.js';

export interface EvidenceKeeperParts {
  readonly folder: string;
  readonly table: EvidenceTable;
  /** annotation.evidence_max_bytes. */
  readonly maxBytes: number;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

const REMOVED_AT_ONCE = 100;
/** Longer than main gives itself for a file. */
const MAX_WRITE_MS = 120_000;

/** Keeps the files of evidence within their bounds, and none that nothing belongs to. Annotation worker. */
export class EvidenceKeeper {
  private told = '';

  constructor(private readonly parts: EvidenceKeeperParts) {
    this.tell(() => {
      mkdirSync(parts.folder, { recursive: true, mode: 0o700 });
      this.sweep();
    });
  }

  /**
   * Makes room for it and notes it; where there is no room, it notes that. False: its files are of no use. What was
   * noted already stays: whoever has not heard the answer asks again.
   */
  settle(id: string, made: MadeEvidence): boolean {
    const { table } = this.parts;
    if (table.get(id)?.state === 'pending') this.settlePending(id, made);
    return table.get(id)?.state === 'ready';
  }

  /** Removes some files that are of no use any more. True: there are more. */
  clean(): boolean {
    let more = false;
    this.tell(() => {
      const { folder, table } = this.parts;
      const ids = table.gone(REMOVED_AT_ONCE);
      for (const id of ids) {
        for (const part of EVIDENCE_PARTS) rmSync(evidencePath(folder, id, part), { force: true });
      }
      if (ids.length > 0) table.forget(ids);
      more = ids.length === REMOVED_AT_ONCE;
    });
    return more;
  }

  private settlePending(id: string, made: MadeEvidence): void {
    const { table, maxBytes } = this.parts;
    const bytes = made.clipBytes + made.jpegBytes;
    const limit = `annotation.evidence_max_bytes (${maxBytes})`;
    const removed = `It was removed, because newer evidence needed its room: ${limit} was reached.`;
    if (bytes > 0 && (bytes > maxBytes || !table.makeRoom(maxBytes - bytes, removed))) {
      const reason =
        `It needs ${bytes} bytes, and ${limit} leaves no room: ${table.bytes} are taken by evidence of annotations ` +
        'that wait to be delivered or are set aside. Deliver or discard these, or raise the limit.';
      table.settle(id, { ...made, ...NOTHING, reason });
      return;
    }
    table.settle(id, made);
  }

  /** What a crash has left: files that were not finished, and those of evidence that nobody waits for. */
  private sweep(): void {
    const { folder, table } = this.parts;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const owner = entry.isFile() ? ownerOf(entry.name) : undefined;
      if (owner === undefined) continue;
      const path = join(folder, entry.name);
      const state = table.get(owner.id)?.state;
      const isWanted = owner.isUnfinished ? isYoung(path) : state === 'ready' || state === 'pending';
      if (!isWanted) rmSync(path, { force: true });
    }
  }

  /** Once for each cause, until it worked again: the disk may be away for long. */
  private tell(work: () => void): void {
    try {
      work();
      this.told = '';
    } catch (error) {
      const text = `files of evidence cannot be removed: ${messageOf(error)}`;
      if (text !== this.told) this.parts.log('warn', text);
      this.told = text;
    }
  }
}

/** It may still be written, when only this thread was started anew. */
function isYoung(path: string): boolean {
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
  return Math.abs(Date.now() - mtimeMs) < MAX_WRITE_MS;
}

const NOTHING = { clipBytes: 0, clipFromMs: 0, clipToMs: 0, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 };
