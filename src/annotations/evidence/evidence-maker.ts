import { mkdir, rm } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { ChrysError, messageOf } from '../../base/errors.js';
import { Limiter } from '../../base/limiter.js';
import type { Logger } from '../../base/log.js';
import { memorySpanOf } from '../../cameras/status/buffer-extent.js';
import type { AnnotateRequest } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { StoreCall } from '../../outbox/types.js';
import type { StoredAnnotations } from '../stored-annotations.js';
import { EVIDENCE_PARTS, evidencePath, type EvidencePart } from './evidence-files.js';
import { findCamera, writeClip, writeSnapshot, type EvidenceFile, type EvidenceSource } from './evidence-history.js';
import { evidenceRequest } from './evidence-request.js';
import { incompleteClipTexts, noClipText, causeText, type Circumstances } from './evidence-texts.js';
import type { EvidenceRequest, StoredSnapshot, MadeEvidence, PendingEvidence } from './evidence.js';
import { MAX_PENDING, type PendingEvidenceList } from './pending-evidence-list.js';

export interface EvidenceMakerParts extends EvidenceSource {
  readonly annotations: Pick<StoredAnnotations, 'annotate' | 'pendingEvidence' | 'noteSnapshot' | 'settleEvidence'>;
  readonly pending: PendingEvidenceList;
  readonly folder: string;
  /** annotation.evidence_max_ms. */
  readonly maxMs: number;
  /** annotation.evidence_max_bytes. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Number of files that are made at a time. */
const MAX_PARALLEL = 2;
/** Maximum delay of the last packets of a range. */
const SETTLE_MS = 3000;
const SETTLE_POLL_MS = 50;
/** Timeout for one file. */
const FILE_TIMEOUT_MS = 60_000;
/** Delay and number of retries while too many history queries are open. */
const BUSY_RETRY_MS = 1000;
const MAX_BUSY_RETRIES = 20;
/** Delay before a result is stored again, for example while the annotation thread is restarted. */
const STORE_RETRY_MS = 1000;
/** Long sleeps are split, because the clock may be set meanwhile. */
const MAX_SLEEP_MS = 10_000;
/** How often the database is searched for pending evidence that was stored although its call failed. */
const SEARCH_INTERVAL_MS = 60_000;
const NO_SNAPSHOT: StoredSnapshot = { jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 };
const NO_CLIP = { clipBytes: 0, clipFromMs: 0, clipToMs: 0 };

/** Stores annotations that request evidence, and makes the evidence. Main thread; it never waits for the disk. */
export class EvidenceMaker {
  private readonly limiter = new Limiter('pieces of evidence', MAX_PARALLEL, 2 * MAX_PENDING);
  private readonly stopped = new AbortController();
  private readonly making = new Set<Promise<void>>();
  private readonly startedMs: number;
  private cancelSearch: (() => void) | undefined;

  constructor(private readonly parts: EvidenceMakerParts) {
    this.startedMs = parts.clock.nowMs();
  }

  /** Makes the evidence that an earlier run has not finished. */
  start(): void {
    for (const evidence of this.parts.pending.all) this.begin(evidence);
    this.searchLater();
  }

  /**
   * Like Annotations.annotate, for a call that requests evidence. Also throws invalid_argument, not_found or
   * resource_exhausted when the evidence cannot be made.
   */
  async annotate(request: AnnotateRequest, call: StoreCall): Promise<string> {
    const { annotations, pending, clock, maxMs } = this.parts;
    const requested = evidenceRequest(request, maxMs, clock.nowMs());
    this.checkCamera(requested);
    const unprotect = pending.protect(requested);
    try {
      const id = await annotations.annotate(request, call, requested);
      const evidence = { id, ...requested, ...NO_SNAPSHOT };
      if (pending.add(evidence)) this.begin(evidence);
      return id;
    } finally {
      unprotect();
    }
  }

  /** Stops making evidence. The next run makes the rest. */
  async stop(): Promise<void> {
    this.cancelSearch?.();
    this.stopped.abort(new ChrysError('unavailable', 'the proxy is shutting down'));
    await Promise.all(this.making);
  }

  private checkCamera({ camera }: EvidenceRequest): void {
    if (findCamera(this.parts, camera) !== undefined || this.parts.recordings.has(camera)) return;
    const text =
      `There is no camera "${camera}", and there are no recordings of it, so evidence cannot be made. The ` +
      'annotation was not stored: send it without evidence, or name a camera of GET /api/v1/processlist.';
    throw new ChrysError('not_found', text);
  }

  private begin(evidence: PendingEvidence): void {
    const work = this.make(evidence)
      .catch((error: unknown) => {
        if (this.stopped.signal.aborted) return;
        this.parts.logger.warn({ camera: evidence.camera }, `Evidence is not made: ${messageOf(error)}`);
      })
      .finally(() => {
        this.making.delete(work);
        this.parts.pending.remove(evidence.id);
      });
    this.making.add(work);
  }

  private async make(evidence: PendingEvidence): Promise<void> {
    const reasons: string[] = [];
    const snapshot = evidence.snapshot ? await this.makeSnapshot(evidence, reasons) : NO_SNAPSHOT;
    const clip = evidence.clip ? await this.makeClip(evidence, reasons) : NO_CLIP;
    await this.settle(evidence, { ...snapshot, ...clip, reason: reasons.join(' ') });
  }

  private async makeSnapshot(evidence: PendingEvidence, reasons: string[]): Promise<StoredSnapshot> {
    if (evidence.jpegBytes > 0) return evidence;
    // A frame whose id the client knows has already arrived.
    if (evidence.frameId === 0) await this.untilArrived(evidence.camera, evidence.atMs);
    const kept = await this.makeFile(evidence, 'snapshot', reasons, (file) =>
      writeSnapshot(evidence, this.parts, file),
    );
    if (kept === undefined) return NO_SNAPSHOT;
    if (evidence.clip) await this.untilStored(() => this.parts.annotations.noteSnapshot(evidence.id, kept));
    return kept;
  }

  private async makeClip(evidence: PendingEvidence, reasons: string[]): Promise<typeof NO_CLIP> {
    await this.untilArrived(evidence.camera, evidence.toMs);
    const written = await this.makeFile(evidence, 'clip', reasons, async (file) => ({
      clip: await writeClip(evidence, this.parts, file),
    }));
    if (written === undefined) return NO_CLIP;
    const { clip } = written;
    const { recordings } = this.parts;
    const circumstances: Circumstances = {
      startedMs: this.startedMs,
      isRecorded: recordings.has(evidence.camera),
    };
    if (clip === undefined) {
      reasons.push(noClipText(evidence, circumstances));
      return NO_CLIP;
    }
    reasons.push(...incompleteClipTexts(evidence, clip, circumstances));
    return { clipBytes: clip.bytes, clipFromMs: clip.fromMs, clipToMs: clip.toMs };
  }

  /** Undefined: it failed, and `reasons` has the reason. Throws only when the proxy stops. */
  private async makeFile<T>(
    { id }: PendingEvidence,
    part: EvidencePart,
    reasons: string[],
    write: (file: EvidenceFile) => Promise<T>,
  ): Promise<T | undefined> {
    const { folder, maxBytes } = this.parts;
    for (let retries = 0; ; retries += 1) {
      try {
        return await this.limiter.run(async () => {
          this.stopped.signal.throwIfAborted();
          const timeout = AbortSignal.timeout(FILE_TIMEOUT_MS);
          await mkdir(folder, { recursive: true, mode: 0o700 });
          const signal = AbortSignal.any([this.stopped.signal, timeout]);
          return await write({ path: evidencePath(folder, id, part), maxBytes, signal });
        });
      } catch (error) {
        this.stopped.signal.throwIfAborted();
        const isBusy = error instanceof ChrysError && error.kind === 'resource_exhausted';
        if (!isBusy || retries >= MAX_BUSY_RETRIES) {
          reasons.push(`The ${part} could not be made: ${causeText(error)}.`);
          return undefined;
        }
      }
      await this.sleep(BUSY_RETRY_MS);
    }
  }

  /** Waits until `momentMs`, and then up to SETTLE_MS until a later packet has arrived. */
  private async untilArrived(name: string, momentMs: number): Promise<void> {
    const { clock } = this.parts;
    for (let leftMs = 1; leftMs > 0;) {
      leftMs = momentMs + 1 - clock.nowMs();
      if (leftMs > 0) await this.sleep(Math.min(leftMs, MAX_SLEEP_MS));
    }
    const sinceMs = clock.monotonicMs();
    while (clock.monotonicMs() - sinceMs < SETTLE_MS) {
      const camera = findCamera(this.parts, name);
      if (camera?.state.phase !== 'running') return;
      const memory = memorySpanOf(camera.packets);
      if (memory !== undefined && memory.toMs > momentMs) return;
      await this.sleep(SETTLE_POLL_MS);
    }
  }

  private async settle({ id, camera }: PendingEvidence, made: MadeEvidence): Promise<void> {
    const { annotations, folder, logger } = this.parts;
    if (made.reason !== '') logger.warn({ camera, id }, `Evidence is incomplete: ${made.reason}`);
    const isNeeded = await this.untilStored(() => annotations.settleEvidence(id, made));
    if (isNeeded) return;
    for (const part of EVIDENCE_PARTS) await rm(evidencePath(folder, id, part), { force: true });
  }

  /** Repeats `store` until it succeeds: the annotation thread may be restarted. Throws only when the proxy stops. */
  private async untilStored<T>(store: () => Promise<T>): Promise<T> {
    for (;;) {
      this.stopped.signal.throwIfAborted();
      try {
        return await store();
      } catch {
        await this.sleep(STORE_RETRY_MS);
      }
    }
  }

  private searchLater(): void {
    const { annotations, pending, clock } = this.parts;
    this.cancelSearch = clock.after(SEARCH_INTERVAL_MS, () => {
      void annotations
        .pendingEvidence(MAX_PENDING)
        .then((found) => {
          for (const evidence of found) if (pending.add(evidence)) this.begin(evidence);
        })
        .catch(() => undefined)
        .finally(() => {
          if (!this.stopped.signal.aborted) this.searchLater();
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
