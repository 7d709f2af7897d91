import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ANNOTATION_NAMES } from '../../../../src/annotations/annotation-names.js';
import { EvidenceTable } from '../../../../src/annotations/evidence/evidence-table.js';
import type { EvidenceRequest, MadeEvidence } from '../../../../src/annotations/evidence/evidence.js';
import { QueueDatabase } from '../../../../src/outbox/queue-database.js';
import { annotation, STORED_MS } from '../fixture.js';

export const REQUEST: EvidenceRequest = {
  camera: 'yard',
  fromMs: STORED_MS - 1000,
  toMs: STORED_MS + 2000,
  clip: true,
  snapshot: true,
  atMs: STORED_MS,
  frameId: 7,
};

export const made = (clipBytes: number, jpegBytes = 0, changes: Partial<MadeEvidence> = {}): MadeEvidence => ({
  reason: '',
  clipBytes,
  clipFromMs: STORED_MS - 1000,
  clipToMs: STORED_MS + 2000,
  jpegBytes,
  jpegFrameId: 7,
  jpegMs: STORED_MS,
  ...changes,
});

export const id = (number: number): string => annotation(number).id;

/** A queue of annotations with the table and the folder of their evidence. */
export class EvidenceStore {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-evidence-'));
  readonly folder = join(this.dataDir, 'evidence');
  queue = new QueueDatabase(this.dataDir, ANNOTATION_NAMES);
  table = new EvidenceTable(this.queue.connection);

  constructor() {
    mkdirSync(this.folder);
  }

  reopen(): void {
    this.queue.close();
    this.queue = new QueueDatabase(this.dataDir, ANNOTATION_NAMES);
    this.table = new EvidenceTable(this.queue.connection);
  }

  /** Stores an annotation that requests evidence. */
  add(number: number, state: 'queued' | 'local' = 'queued'): void {
    this.queue.add([annotation(number)], state, () => {
      this.table.insert(id(number), REQUEST);
    });
  }

  /** Writes the files as EvidenceMaker does. */
  write(number: number, clip: string, jpeg = ''): void {
    writeFileSync(join(this.folder, `${id(number)}.mp4`), clip);
    if (jpeg !== '') writeFileSync(join(this.folder, `${id(number)}.jpg`), jpeg);
  }

  remove(): void {
    this.queue.close();
    rmSync(this.dataDir, { recursive: true });
  }
}
