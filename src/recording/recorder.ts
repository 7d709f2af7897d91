import { messageOf } from '../base/errors.js';
import type { NativeAddon } from '../native/types.js';
import { PacketReader } from '../rings/packet-reader.js';
import type { SegmentWriter } from '../database/segment-writer.js';
import { CameraRecorder } from './camera-recorder.js';
import { Cleaner } from './cleaner.js';
import type {
  CameraProgress,
  CheckCause,
  FromRecorder,
  RecorderWorkerData,
  RecordMessage,
  ToRecorder,
} from './messages.js';
import { reconcile } from './reconcile.js';
import { SegmentFiles, type SegmentFile } from './segment-files.js';
import type { CheckReport } from './types.js';

export interface RecorderEnvironment {
  readonly data: Pick<RecorderWorkerData, 'folder' | 'segmentMinMs' | 'rules'>;
  readonly addon: Pick<NativeAddon, 'writeSegment' | 'readSegment'>;
  readonly index: SegmentWriter;
  monotonicMs(): number;
  post(message: FromRecorder): void;
}

/** Maximum number of rows that wait while the index fails. Beyond it, the oldest are dropped; the next check adds them. */
const MAX_UNINDEXED = 1000;
/** When nothing more can be deleted, size limits are not checked for this long. */
const NOTHING_TO_DELETE_PAUSE_MS = 60_000;
/** Minimum time between two checks of the size limits. */
const LIMIT_CHECK_MS = 1000;

/** Records all cameras, a segment of each in turn; also checks and deletes segments. Recorder thread. */
export class Recorder {
  private readonly cameras = new Map<number, CameraRecorder>();
  private readonly files: SegmentFiles;
  private readonly cleaner: Cleaner;
  /** Cameras whose progress was not reported yet. */
  private readonly changed = new Set<CameraRecorder>();
  private unindexed: { readonly camera: string; readonly segment: SegmentFile }[] = [];
  private indexFailure = '';
  private checking: { readonly why: CheckCause; readonly steps: Generator<undefined, CheckReport> } | undefined;
  private nextCheck: CheckCause | undefined;
  private hasRequestedCleaning = false;
  private limitsCheckedMs = -Infinity;

  constructor(private readonly env: RecorderEnvironment) {
    this.files = new SegmentFiles(env.data.folder, env.addon);
    this.cleaner = new Cleaner(env.data.rules, this.files, env.index, (level, text) => {
      env.post({ kind: 'log', level, text });
    });
  }

  get isRecording(): boolean {
    return this.cameras.size > 0;
  }

  get isChecking(): boolean {
    return this.checking !== undefined;
  }

  /** Handles a message of the main thread. At 'stop' the caller calls finish(). */
  take(message: Exclude<ToRecorder, { kind: 'stop' }>): void {
    switch (message.kind) {
      case 'record':
        this.record(message);
        break;
      case 'periods':
        this.cameras.get(message.id)?.setPeriods(message.periods);
        break;
      case 'forget':
        this.forget(message.id);
        break;
      case 'clean':
        this.clean(message);
        break;
      case 'check':
        if (this.checking === undefined) this.startCheck(message.why);
        else this.nextCheck = message.why;
        break;
    }
  }

  /** Writes at most one segment of each camera. False: there was nothing to write. */
  round(): boolean {
    let worked = false;
    for (const camera of this.cameras.values()) {
      if (!camera.step()) continue;
      worked = true;
      this.changed.add(camera);
    }
    return worked;
  }

  /** Reports the progress of the cameras that have changed. */
  report(): void {
    if (this.changed.size === 0) return;
    const cameras: CameraProgress[] = [...this.changed].map(({ progress }) => progress);
    this.changed.clear();
    this.env.post({ kind: 'progress', cameras });
  }

  /** Goes on with the check for about `durationMs`. */
  stepCheck(durationMs: number): void {
    const endMs = this.env.monotonicMs() + durationMs;
    try {
      while (this.checking !== undefined && this.env.monotonicMs() < endMs) {
        const { why, steps } = this.checking;
        const step = steps.next();
        if (step.done === true) this.checkEnded({ kind: 'checked', why, report: step.value });
      }
    } catch (error) {
      this.checkEnded({ kind: 'checkFailed', why: this.checking?.why ?? 'requested', message: messageOf(error) });
    }
  }

  /** Writes the open groups of all cameras and ends their recording. */
  finish(): void {
    for (const id of [...this.cameras.keys()]) this.forget(id);
    this.report();
  }

  private record(message: RecordMessage): void {
    const recorded = this.env.index.endSequence(message.camera);
    // A sequence beyond the ring is from an earlier run of the camera, whose last sequence could not be stored.
    const isOfThisRing = recorded <= new PacketReader(message.packetRing).end();
    const fromSequence = isOfThisRing ? Math.max(message.fromSequence, recorded) : message.fromSequence;
    const camera = new CameraRecorder(message, fromSequence, {
      files: this.files,
      segmentMinUs: this.env.data.segmentMinMs * 1000,
      monotonicMs: () => this.env.monotonicMs(),
      onSegment: (name, segment) => {
        this.onSegment(name, segment);
      },
      onDiskFull: () => {
        this.requestCleaning();
      },
      log: (level, name, text) => {
        this.env.post({ kind: 'log', level, camera: name, text });
      },
    });
    this.cameras.set(message.id, camera);
    this.changed.add(camera);
  }

  private forget(id: number): void {
    const camera = this.cameras.get(id);
    if (camera === undefined) return;
    while (camera.finish());
    this.cameras.delete(id);
    this.changed.add(camera);
  }

  private onSegment(camera: string, segment: SegmentFile): void {
    this.unindexed.push({ camera, segment });
    this.fillIndex();
    this.cleaner.count(camera, segment.facts.bytes);
    const nowMs = this.env.monotonicMs();
    if (nowMs - this.limitsCheckedMs < LIMIT_CHECK_MS) return;
    this.limitsCheckedMs = nowMs;
    if (this.cleaner.isOverLimit(camera)) this.requestCleaning();
  }

  private fillIndex(): void {
    let done = 0;
    try {
      for (const { camera, segment } of this.unindexed) {
        if (!this.env.index.knows(camera, segment.file)) this.env.index.insert(camera, segment.file, segment.facts);
        done += 1;
      }
      this.indexFailure = '';
    } catch (error) {
      const text = `Recorded segments cannot be added to the index: ${messageOf(error)}`;
      if (text !== this.indexFailure) this.env.post({ kind: 'log', level: 'error', text });
      this.indexFailure = text;
    }
    this.unindexed = this.unindexed.slice(done).slice(-MAX_UNINDEXED);
  }

  private requestCleaning(): void {
    if (this.hasRequestedCleaning) return;
    this.hasRequestedCleaning = true;
    this.env.post({ kind: 'overLimit' });
  }

  private clean(message: Extract<ToRecorder, { kind: 'clean' }>): void {
    const wasRequested = this.hasRequestedCleaning;
    this.hasRequestedCleaning = false;
    const cleaned = this.cleaner.clean(message);
    if (wasRequested && cleaned.deleted === 0) {
      this.cleaner.warnNothingToDelete();
      this.limitsCheckedMs = this.env.monotonicMs() + NOTHING_TO_DELETE_PAUSE_MS;
    }
    this.env.post(cleaned);
  }

  private startCheck(why: CheckCause): void {
    const steps = reconcile({
      atStart: why === 'start',
      files: this.files,
      index: this.env.index,
      count: (camera, bytes) => {
        this.cleaner.count(camera, bytes);
      },
    });
    this.checking = { why, steps };
  }

  private checkEnded(answer: FromRecorder): void {
    this.checking = undefined;
    this.env.post(answer);
    const { nextCheck } = this;
    this.nextCheck = undefined;
    if (nextCheck !== undefined) this.startCheck(nextCheck);
  }
}
