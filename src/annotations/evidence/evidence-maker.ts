import { mkdir, rm } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { ChrysError, messageOf } from '../../base/errors.js';
import { Limiter } from '../../base/limiter.js';
import type { Logger } from '../../base/log.js';
import { memorySpanOf } from '../../cameras/status/buffer-extent.js';
import type { AnnotateRequest } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { EvidenceWish, KeptSnapshot, MadeEvidence, PendingEvidence } from '../../database/evidence.js';
import { EVIDENCE_PARTS, evidencePath, type EvidencePart } from './evidence-files.js';
import { cameraNow, writeClip, writeSnapshot, type EvidenceFile, type EvidenceSource } from './evidence-history.js';
import { missingText, nothingText, whyText, type Circumstances } from './evidence-texts.js';
import { evidenceWish } from './evidence-wish.js';
import { MAX_PENDING, type PendingBook } from './pending-evidence.js';
import type { StoredAnnotations } from '../stored-annotations.js';
import type { AnnotateCall } from '../types.js';

export interface EvidenceMakerParts extends EvidenceSource {
  readonly annotations: Pick<StoredAnnotations, 'annotate' | 'pendingEvidence' | 'noteSnapshot' | 'settleEvidence'>;
  /** What was pending when the proxy started is in it. */
  readonly book: PendingBook;
  readonly folder: string;
  /** annotation.evidence_max_ms and annotation.evidence_max_bytes. */
  readonly maxMs: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Made at a time; each has a snapshot and a clip. */
const AT_A_TIME = 2;
/** For the packets of the last moment to arrive. */
const SETTLE_MS = 3000;
const LOOK_MS = 50;
/** Of one file; a disk that takes longer does not answer. */
const MAKE_BOUND_MS = 60_000;
/** While other queries for the past have its place, it is tried again. */
const BUSY_MS = 1000;
const MAX_BUSY = 20;
const NOTE_AGAIN_MS = 1000;
/** Timers are not exact over long times, and the clock may be set meanwhile. */
const MAX_SLEEP_MS = 10_000;
/** What was stored although its caller was told otherwise is found so. */
const LOOK_FOR_MORE_MS = 60_000;
const NO_SNAPSHOT: KeptSnapshot = { jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 };
const NO_CLIP = { clipBytes: 0, clipFromMs: 0, clipToMs: 0 };

/** Annotates, and keeps a clip and a picture where that is asked for. Main thread; it never waits for the disk. */
export class EvidenceMaker {
  private readonly limiter = new Limiter('pieces of evidence', AT_A_TIME, 2 * MAX_PENDING);
  private readonly stopped = new AbortController();
  private readonly making = new Set<Promise<void>>();
  private readonly startedMs: number;
  private cancelLook: (() => void) | undefined;

  constructor(private readonly parts: EvidenceMakerParts) {
    this.startedMs = parts.clock.nowMs();
  }

  /** Goes on with what an earlier run has left. */
  start(): void {
    for (const evidence of this.parts.book.all) this.begin(evidence);
    this.lookForMoreLater();
  }

  /** As Annotations.annotate. Throws invalid_argument, not_found, resource_exhausted for evidence that cannot be had. */
  async annotate(request: AnnotateRequest, call: AnnotateCall): Promise<string> {
    const { annotations, book, clock, maxMs } = this.parts;
    const wish = evidenceWish(request, maxMs, clock.nowMs());
    if (wish === undefined) return await annotations.annotate(request, call);
    this.checkCamera(wish);
    const unprotect = book.protect(wish);
    try {
      const id = await annotations.annotate(request, call, wish);
      const evidence = { id, ...wish, ...NO_SNAPSHOT };
      if (book.add(evidence)) this.begin(evidence);
      return id;
    } finally {
      unprotect();
    }
  }

  /** What is not made yet is made by the next run. */
  async stop(): Promise<void> {
    this.cancelLook?.();
    this.stopped.abort(new ChrysError('unavailable', 'the proxy is shutting down'));
    await Promise.all(this.making);
  }

  private checkCamera({ camera }: EvidenceWish): void {
    if (cameraNow(this.parts, camera) !== undefined || this.parts.recordings.has(camera)) return;
    const text =
      `There is no camera "${camera}" here, and nothing of one is recorded, so there can be no evidence of it. The ` +
      'annotation was not stored: send it without evidence, or name a camera of GET /api/v1/processlist.';
    throw new ChrysError('not_found', text);
  }

  private begin(evidence: PendingEvidence): void {
    const work = this.make(evidence)
      .catch((error: unknown) => {
        if (this.stopped.signal.aborted) return;
        this.parts.logger.warn({ camera: evidence.camera }, `evidence is not made: ${messageOf(error)}`);
      })
      .finally(() => {
        this.making.delete(work);
        this.parts.book.remove(evidence.id);
      });
    this.making.add(work);
  }

  private async make(evidence: PendingEvidence): Promise<void> {
    const reasons: string[] = [];
    const snapshot = evidence.snapshot ? await this.snapshotOf(evidence, reasons) : NO_SNAPSHOT;
    const clip = evidence.clip ? await this.clipOf(evidence, reasons) : NO_CLIP;
    await this.settle(evidence, { ...snapshot, ...clip, reason: reasons.join(' ') });
  }

  private async snapshotOf(evidence: PendingEvidence, reasons: string[]): Promise<KeptSnapshot> {
    if (evidence.jpegBytes > 0) return evidence;
    // A frame that the client had is there already.
    if (evidence.frameId === 0) await this.reached(evidence.camera, evidence.atMs);
    const kept = await this.tried(evidence, 'snapshot', reasons, (file) => writeSnapshot(evidence, this.parts, file));
    if (kept === undefined) return NO_SNAPSHOT;
    if (evidence.clip) await this.noted(() => this.parts.annotations.noteSnapshot(evidence.id, kept));
    return kept;
  }

  private async clipOf(evidence: PendingEvidence, reasons: string[]): Promise<typeof NO_CLIP> {
    await this.reached(evidence.camera, evidence.toMs);
    const written = await this.tried(evidence, 'clip', reasons, async (file) => ({
      clip: await writeClip(evidence, this.parts, file),
    }));
    if (written === undefined) return NO_CLIP;
    const { clip } = written;
    const { recordings } = this.parts;
    const now: Circumstances = { startedMs: this.startedMs, isRecorded: recordings.has(evidence.camera) };
    if (clip === undefined) {
      reasons.push(nothingText(evidence, now));
      return NO_CLIP;
    }
    reasons.push(...missingText(evidence, clip, now));
    return { clipBytes: clip.bytes, clipFromMs: clip.fromMs, clipToMs: clip.toMs };
  }

  /** Undefined: it did not work, and why is in `reasons`. Throws only when the proxy stops. */
  private async tried<T>(
    { id }: PendingEvidence,
    part: EvidencePart,
    reasons: string[],
    work: (file: EvidenceFile) => Promise<T>,
  ): Promise<T | undefined> {
    const { folder, maxBytes: maxBytes } = this.parts;
    for (let busy = 0; ; busy += 1) {
      try {
        return await this.limiter.run(async () => {
          this.stopped.signal.throwIfAborted();
          const late = AbortSignal.timeout(MAKE_BOUND_MS);
          await mkdir(folder, { recursive: true, mode: 0o700 });
          const signal = AbortSignal.any([this.stopped.signal, late]);
          return await work({ path: evidencePath(folder, id, part), maxBytes, signal });
        });
      } catch (error) {
        this.stopped.signal.throwIfAborted();
        const isBusy = error instanceof ChrysError && error.kind === 'resource_exhausted';
        if (!isBusy || busy >= MAX_BUSY) {
          reasons.push(`The ${part} could not be made: ${whyText(error)}.`);
          return undefined;
        }
      }
      await this.sleep(BUSY_MS);
    }
  }

  /** Waits for a moment, and a little longer until its packets are there. */
  private async reached(name: string, momentMs: number): Promise<void> {
    const { clock } = this.parts;
    for (let leftMs = 1; leftMs > 0;) {
      leftMs = momentMs + 1 - clock.nowMs();
      if (leftMs > 0) await this.sleep(Math.min(leftMs, MAX_SLEEP_MS));
    }
    const sinceMs = clock.monotonicMs();
    while (clock.monotonicMs() - sinceMs < SETTLE_MS) {
      const camera = cameraNow(this.parts, name);
      if (camera?.state.phase !== 'running') return;
      const memory = memorySpanOf(camera.packets);
      if (memory !== undefined && memory.toMs > momentMs) return;
      await this.sleep(LOOK_MS);
    }
  }

  private async settle({ id, camera }: PendingEvidence, made: MadeEvidence): Promise<void> {
    const { annotations, folder, logger } = this.parts;
    if (made.reason !== '') logger.warn({ camera, id }, `evidence is not whole: ${made.reason}`);
    const isWanted = await this.noted(() => annotations.settleEvidence(id, made));
    if (isWanted) return;
    for (const part of EVIDENCE_PARTS) await rm(evidencePath(folder, id, part), { force: true });
  }

  /** The thread that keeps it may be started again meanwhile. Throws only when the proxy stops. */
  private async noted<T>(note: () => Promise<T>): Promise<T> {
    for (;;) {
      this.stopped.signal.throwIfAborted();
      try {
        return await note();
      } catch {
        await this.sleep(NOTE_AGAIN_MS);
      }
    }
  }

  private lookForMoreLater(): void {
    const { annotations, book, clock } = this.parts;
    this.cancelLook = clock.after(LOOK_FOR_MORE_MS, () => {
      void annotations
        .pendingEvidence(MAX_PENDING)
        .then((found) => {
          for (const evidence of found) if (book.add(evidence)) this.begin(evidence);
        })
        .catch(() => undefined)
        .finally(() => {
          if (!this.stopped.signal.aborted) this.lookForMoreLater();
        });
    });
  }

  /** Throws when the proxy stops. */
  private sleep(ms: number): Promise<void> {
    const { signal } = this.stopped;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = (): void => {
        cancel();
        reject(signal.reason as Error);
      };
      const cancel = this.parts.clock.after(ms, () => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}
