import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../base/errors.js';
import type { EvidenceTable } from '../store/evidence-table.js';
import type { MadeEvidence } from '../store/evidence.js';
import { EVIDENCE_PARTS, evidencePath, ownerOf } from './evidence-files.js';

export interface EvidenceKeeperParts {
  readonly folder: string;
  readonly table: EvidenceTable;
  /** annotation.evidence_max_bytes. */
  readonly maxBytes: number;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

const REMOVED_AT_ONCE = 100;

/** Keeps the files of evidence within their bounds, and none that nothing belongs to. Annotation worker. */
export class EvidenceKeeper {
  private told = '';

  constructor(private readonly parts: EvidenceKeeperParts) {
    this.tell(() => {
      mkdirSync(parts.folder, { recursive: true, mode: 0o700 });
      this.sweep();
    });
  }

  /** As EvidenceTable.settle; makes room for it first, and says so when there is none. */
  settle(id: string, made: MadeEvidence): boolean {
    const { table, maxBytes } = this.parts;
    const bytes = made.clipBytes + made.jpegBytes;
    const limit = `annotation.evidence_max_bytes (${maxBytes})`;
    while (bytes > 0 && table.bytes + bytes > maxBytes) {
      if (table.removeOldest(`It was removed, because newer evidence needed its room: ${limit} was reached.`)) continue;
      const reason =
        `It needs ${bytes} bytes, and ${limit} leaves no room: ${table.bytes} are taken by evidence of annotations ` +
        'that wait to be delivered or are set aside. Deliver or discard these, or raise the limit.';
      return table.settle(id, { ...made, ...NOTHING, reason });
    }
    return table.settle(id, made);
  }

  /** Removes some files that are of no use any more. True: there are more. */
  clean(): boolean {
    let more = false;
    this.tell(() => {
      const { folder, table } = this.parts;
      const ids = table.gone(REMOVED_AT_ONCE);
      for (const id of ids) {
        for (const part of EVIDENCE_PARTS) rmSync(evidencePath(folder, id, part), { force: true });
        table.forget(id);
      }
      more = ids.length === REMOVED_AT_ONCE;
    });
    return more;
  }

  /** What a crash has left: files that were not finished, and those of evidence that nobody waits for. */
  private sweep(): void {
    const { folder, table } = this.parts;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const owner = entry.isFile() ? ownerOf(entry.name) : undefined;
      if (owner === undefined) continue;
      const state = table.get(owner.id)?.state;
      if (!owner.isUnfinished && (state === 'ready' || state === 'pending')) continue;
      rmSync(join(folder, entry.name), { force: true });
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

const NOTHING = { clipBytes: 0, clipFromMs: 0, clipToMs: 0, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 };
