import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import type { QueuedAnnotation } from '../../database/annotation.js';
import type { EvidenceTable } from '../../database/evidence-table.js';
import type { Evidence } from '../../database/evidence.js';
import { batchBody } from '../batch-body.js';
import { EVIDENCE_FILES, EVIDENCE_PARTS, evidencePath, type EvidencePart } from './evidence-files.js';
import { whyText } from './evidence-texts.js';
import { formOf, type FormPart } from '../multipart.js';

export interface EvidenceGateParts {
  readonly folder: string;
  readonly table: Pick<EvidenceTable, 'get'>;
  readonly clock: Clock;
  /** Something is not held any more. */
  readonly wake: () => void;
}

/** Longer than the making of evidence takes: then its annotation goes without. */
const MAX_HOLD_MS = 120_000;
/** Together; a request is held in memory, and there may be four at a time. */
export const MAX_SENT_BYTES = 32 * 1024 * 1024;

/** Then it goes without, so that the others of its camera get their turn. */
const MAX_FAILURES = 3;

interface Attached {
  readonly files: readonly FormPart[];
  /** For the annotation's JSON. */
  readonly parts: readonly object[];
  readonly reasons: readonly string[];
}

/**
 * Holds annotations until their evidence is made, and sends it with them. The next one of a camera waits behind one that
 * is held. Annotation worker.
 */
export class EvidenceGate {
  /** Of those that are held: until when, monotonic milliseconds. */
  private readonly untilMs = new Map<string, number>();
  /** How often the endpoint was reached, and did not take the form. */
  private readonly failures = new Map<string, number>();
  private readonly startedMs: number;
  private cancelTimer: (() => void) | undefined;
  private timerMs = Infinity;

  constructor(private readonly parts: EvidenceGateParts) {
    this.startedMs = parts.clock.nowMs();
  }

  holds({ id, storedMs }: Pick<QueuedAnnotation, 'id' | 'storedMs'>): boolean {
    const evidence = this.parts.table.get(id);
    if (evidence?.state !== 'pending') {
      this.untilMs.delete(id);
      return false;
    }
    const { clock } = this.parts;
    let untilMs = this.untilMs.get(id);
    if (untilMs === undefined) {
      // After a restart all of it is still to be made, however long ago it was asked for.
      const fromMs = Math.max(storedMs, this.startedMs, evidence.toMs);
      untilMs = clock.monotonicMs() + Math.max(0, fromMs - clock.nowMs() + MAX_HOLD_MS);
      this.untilMs.set(id, untilMs);
    }
    if (untilMs <= clock.monotonicMs()) return false;
    this.wakeAt(untilMs);
    return true;
  }

  standsAlone({ id }: Pick<QueuedAnnotation, 'id'>): boolean {
    return this.parts.table.get(id) !== undefined;
  }

  /** Undefined: they have no evidence, and go as a batch does. */
  async requestOf(
    batch: readonly QueuedAnnotation[],
  ): Promise<{ readonly body: Buffer; readonly headers: Readonly<Record<string, string>> } | undefined> {
    const [annotation] = batch;
    if (annotation === undefined || batch.length > 1) return undefined;
    const evidence = this.parts.table.get(annotation.id);
    if (evidence === undefined) return undefined;
    const failed = (this.failures.get(annotation.id) ?? 0) >= MAX_FAILURES;
    const attached = failed ? NOT_SENT : await this.attach(annotation.id, evidence);
    const body = batchBody([{ ...annotation, json: withEvidence(annotation.json, evidence, attached) }]);
    if (attached.files.length === 0) return { body, headers: {} };
    const form = formOf([{ name: 'data', contentType: 'application/json', bytes: body }, ...attached.files]);
    return { body: form.body, headers: { 'Content-Type': form.contentType } };
  }

  /** The endpoint was reached, and did not take the form of one that stands alone. */
  failed([annotation]: readonly Pick<QueuedAnnotation, 'id'>[]): void {
    if (annotation === undefined || !this.standsAlone(annotation)) return;
    const failures = (this.failures.get(annotation.id) ?? 0) + 1;
    // Without its parts it failed, too: then it is not their fault.
    if (failures > MAX_FAILURES) this.failures.delete(annotation.id);
    else this.failures.set(annotation.id, failures);
  }

  /** These are done with. */
  settled(batch: readonly Pick<QueuedAnnotation, 'id'>[]): void {
    for (const { id } of batch) {
      this.untilMs.delete(id);
      this.failures.delete(id);
    }
  }

  close(): void {
    this.cancelTimer?.();
  }

  private async attach(id: string, evidence: Evidence): Promise<Attached> {
    const files: FormPart[] = [];
    const parts: object[] = [];
    const reasons: string[] = [];
    let left = MAX_SENT_BYTES;
    // The picture first: it is small, and has room when the clip has not.
    for (const part of [...EVIDENCE_PARTS].reverse()) {
      const size = sizeOf(evidence, part);
      if (size === 0) continue;
      if (size > left) {
        const asked = `GET /api/v1/annotations/${id}/${part}.${EVIDENCE_FILES[part].ending} gives it`;
        reasons.push(`The ${part} of ${size} bytes is too long to be sent (at most ${MAX_SENT_BYTES}): ${asked}.`);
        continue;
      }
      try {
        const bytes = await readFile(evidencePath(this.parts.folder, id, part));
        const { ending, contentType } = EVIDENCE_FILES[part];
        files.unshift({ name: part, fileName: `${id}.${ending}`, contentType, bytes });
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        parts.unshift({ name: part, content_type: contentType, bytes: bytes.length, sha256 });
        left -= bytes.length;
      } catch (error) {
        reasons.push(`The ${part} cannot be read: ${whyText(error)}.`);
      }
    }
    return { files, parts, reasons };
  }

  /** One timer for the first of them; it asks for the next. */
  private wakeAt(untilMs: number): void {
    if (untilMs >= this.timerMs) return;
    this.cancelTimer?.();
    this.timerMs = untilMs;
    this.cancelTimer = this.parts.clock.after(Math.ceil(untilMs - this.parts.clock.monotonicMs()), () => {
      this.timerMs = Infinity;
      this.parts.wake();
    });
  }
}

const NOT_SENT: Attached = {
  files: [],
  parts: [],
  reasons: [`Its parts were not taken ${MAX_FAILURES} times; they can be asked for by its id.`],
};

function sizeOf({ state, clipBytes, jpegBytes }: Evidence, part: EvidencePart): number {
  // The picture is kept at once, the clip only in the end.
  if (part === 'snapshot') return state === 'ready' || state === 'pending' ? jpegBytes : 0;
  return state === 'ready' ? clipBytes : 0;
}

/** The same annotation with what a receiver has to know of the other parts. Times are milliseconds since the epoch. */
function withEvidence(json: string, evidence: Evidence, { parts, reasons }: Attached): string {
  const { state, clipBytes, clipFromMs, clipToMs, jpegBytes, jpegFrameId, jpegMs } = evidence;
  const late = state === 'pending' ? 'It was not made in time; it can be asked for when it is.' : '';
  const reason = [evidence.reason, late, ...reasons].filter((text) => text !== '').join(' ');
  const told = {
    state,
    ...(clipBytes > 0 ? { from: clipFromMs, to: clipToMs } : {}),
    ...(jpegBytes > 0 ? { frame_id: jpegFrameId, timestamp: jpegMs } : {}),
    parts,
    ...(reason === '' ? {} : { reason }),
  };
  return `${json.slice(0, -1)},"evidence":${JSON.stringify(told)}}`;
}
