import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { batchBody } from '../../outbox/batch-body.js';
import type { QueuedItem } from '../../outbox/item.js';
import type { SendGate, SpecialRequest } from '../../outbox/send-gate.js';
import { EVIDENCE_FILES, EVIDENCE_PARTS, evidencePath, type EvidencePart } from './evidence-files.js';
import type { EvidenceTable } from './evidence-table.js';
import { causeText } from './evidence-texts.js';
import type { Evidence } from './evidence.js';
import { formOf, type FormPart } from './multipart.js';

export interface EvidenceGateParts {
  readonly folder: string;
  readonly table: Pick<EvidenceTable, 'get'>;
  readonly clock: Clock;
  /** Called when an annotation is no longer held. */
  readonly wake: () => void;
}

/** Maximum time that an annotation waits for its evidence; then it is sent without. Making evidence takes less time. */
const MAX_HOLD_MS = 120_000;
/** Maximum bytes of the files in a request. Up to four requests are in memory at a time. */
export const MAX_SENT_BYTES = 32 * 1024 * 1024;
/** After this number of failures, an annotation is sent without its files, so that later annotations of its camera can follow. */
const MAX_FAILURES = 3;

interface Attached {
  readonly files: readonly FormPart[];
  /** Descriptions of the files, for the annotation's JSON. */
  readonly parts: readonly object[];
  /** Why files are missing, in sentences. */
  readonly reasons: readonly string[];
}

const NOT_SENT: Attached = {
  files: [],
  parts: [],
  reasons: [`Its parts were refused ${MAX_FAILURES} times; they can be fetched by its id.`],
};

/** Holds annotations until their evidence is made, and sends the evidence with them. Annotation thread. */
export class EvidenceGate implements SendGate {
  /** When each held annotation is sent anyway, monotonic milliseconds. */
  private readonly untilMs = new Map<string, number>();
  /** Number of failures of each annotation, only failures after the endpoint was reached. */
  private readonly failures = new Map<string, number>();
  private readonly startedMs: number;
  private cancelTimer: (() => void) | undefined;
  private timerMs = Infinity;

  constructor(private readonly parts: EvidenceGateParts) {
    this.startedMs = parts.clock.nowMs();
  }

  holds({ id, storedMs }: Pick<QueuedItem, 'id' | 'storedMs'>): boolean {
    const evidence = this.parts.table.get(id);
    if (evidence?.state !== 'pending') {
      this.untilMs.delete(id);
      return false;
    }
    const { clock } = this.parts;
    let untilMs = this.untilMs.get(id);
    if (untilMs === undefined) {
      // After a restart, the evidence is made from the start again.
      const fromMs = Math.max(storedMs, this.startedMs, evidence.toMs);
      untilMs = clock.monotonicMs() + Math.max(0, fromMs - clock.nowMs() + MAX_HOLD_MS);
      this.untilMs.set(id, untilMs);
    }
    if (untilMs <= clock.monotonicMs()) return false;
    this.wakeAt(untilMs);
    return true;
  }

  standsAlone({ id }: Pick<QueuedItem, 'id'>): boolean {
    return this.parts.table.get(id) !== undefined;
  }

  async requestOf(batch: readonly QueuedItem[]): Promise<SpecialRequest | undefined> {
    const [annotation] = batch;
    if (annotation === undefined || batch.length > 1) return undefined;
    const evidence = this.parts.table.get(annotation.id);
    if (evidence === undefined) return undefined;
    const hasFailed = (this.failures.get(annotation.id) ?? 0) >= MAX_FAILURES;
    const attached = hasFailed ? NOT_SENT : await this.attach(annotation.id, evidence);
    const body = batchBody([{ ...annotation, json: withEvidence(annotation.json, evidence, attached) }]);
    if (attached.files.length === 0) return { body, headers: {} };
    const form = formOf([{ name: 'data', contentType: 'application/json', bytes: body }, ...attached.files]);
    return { body: form.body, headers: { 'Content-Type': form.contentType } };
  }

  failed([annotation]: readonly Pick<QueuedItem, 'id'>[]): void {
    if (annotation === undefined || !this.standsAlone(annotation)) return;
    const failures = (this.failures.get(annotation.id) ?? 0) + 1;
    // Sending failed without the files, too, so the files are not the cause.
    if (failures > MAX_FAILURES) this.failures.delete(annotation.id);
    else this.failures.set(annotation.id, failures);
  }

  settled(batch: readonly Pick<QueuedItem, 'id'>[]): void {
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
    let leftBytes = MAX_SENT_BYTES;
    // The snapshot comes first: it is small, and may have room when the clip has none.
    for (const part of [...EVIDENCE_PARTS].reverse()) {
      const size = sizeOf(evidence, part);
      if (size === 0) continue;
      const { ending, contentType } = EVIDENCE_FILES[part];
      if (size > leftBytes) {
        const advice = `fetch it with GET /api/v1/annotations/${id}/${part}.${ending}`;
        reasons.push(`The ${part} of ${size} bytes is too long to be sent (at most ${MAX_SENT_BYTES}): ${advice}.`);
        continue;
      }
      try {
        const bytes = await readFile(evidencePath(this.parts.folder, id, part));
        files.unshift({ name: part, fileName: `${id}.${ending}`, contentType, bytes });
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        parts.unshift({ name: part, content_type: contentType, bytes: bytes.length, sha256 });
        leftBytes -= bytes.length;
      } catch (error) {
        reasons.push(`The ${part} cannot be read: ${causeText(error)}.`);
      }
    }
    return { files, parts, reasons };
  }

  /** Keeps one timer, for the earliest time. The sender then calls `holds` again, which sets the next timer. */
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

/** Bytes of a file; 0 = it is not complete. A snapshot is complete as soon as it is made, a clip when the evidence is settled. */
function sizeOf({ state, clipBytes, jpegBytes }: Evidence, part: EvidencePart): number {
  if (part === 'snapshot') return state === 'ready' || state === 'pending' ? jpegBytes : 0;
  return state === 'ready' ? clipBytes : 0;
}

/** Adds the field `evidence` to an annotation. Times are milliseconds since the epoch. */
function withEvidence(json: string, evidence: Evidence, { parts, reasons }: Attached): string {
  const { state, clipBytes, clipFromMs, clipToMs, jpegBytes, jpegFrameId, jpegMs } = evidence;
  const late = state === 'pending' ? 'It was not made in time; it can be fetched when it is made.' : '';
  const reason = [evidence.reason, late, ...reasons].filter((text) => text !== '').join(' ');
  const field = {
    state,
    ...(clipBytes > 0 ? { from: clipFromMs, to: clipToMs } : {}),
    ...(jpegBytes > 0 ? { frame_id: jpegFrameId, timestamp: jpegMs } : {}),
    parts,
    ...(reason === '' ? {} : { reason }),
  };
  return `${json.slice(0, -1)},"evidence":${JSON.stringify(field)}}`;
}
