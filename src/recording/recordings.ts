import { existsSync } from 'node:fs';
import { setImmediate as otherWork } from 'node:timers/promises';

import type { Clock } from '../base/clock.js';
import { ChrysError, shuttingDown } from '../base/errors.js';
import { rangeInUs } from '../base/microseconds.js';
import { SupervisedThread } from '../base/supervised-thread.js';
import type { Logger } from '../base/log.js';
import type { Supervisor } from '../cameras/supervisor.js';
import { SegmentIndex, prepareSegmentIndex } from '../database/segment-index.js';
import type { Segment, SegmentRange } from '../database/segment.js';
import { Cleaning } from './cleaning.js';
import type { FromRecorder, RecorderWorkerData, ToRecorder } from './messages.js';
import { RecordedCameras } from './recorded-cameras.js';
import type { ProtectedSpan } from './retention.js';
import { segmentPath } from './segment-files.js';
import { timelineOf } from './timeline.js';
import type { CheckReport, RecordedCamera, RecordingStatus, Recordings, SegmentPage, Timeline } from './types.js';

export interface RecordingsOptions extends RecorderWorkerData {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent'>;
  readonly logger: Logger;
  /** The clock of the packets' arrivals. */
  readonly clock: Clock;
  /** Whether cameras without a setting of their own are recorded. */
  readonly onDisk: boolean;
  /** Number of packets that a ring keeps while its camera is not recorded. */
  readonly packetsInMemory: number;
  /** When the retention rules are applied: buffer.on_disk_schedule. */
  readonly schedule: string;
  readonly protectedSpans: () => readonly ProtectedSpan[];
  readonly workerUrl?: URL;
}

/** How long stopping waits for the disk. After that the last groups of pictures may be lost. */
const STOP_GRACE_MS = 3000;
const WORKER = new URL('./recorder-worker.js', import.meta.url);
const HEAP_MB = { old: 64, young: 4 };
/** Number of segments that one query adds up, which takes about 2 ms. */
const SUMMED_AT_ONCE = 20_000;

interface RunningCheck {
  readonly report: Promise<CheckReport>;
  resolve(report: CheckReport): void;
  reject(error: Error): void;
}

/** Records cameras and answers queries about recordings. Main thread. */
export class CameraRecordings implements Recordings {
  private readonly index: SegmentIndex;
  private readonly thread: SupervisedThread<ToRecorder, FromRecorder>;
  private readonly cleaning: Cleaning;
  private readonly recorded: RecordedCameras;
  private runningCheck: RunningCheck | undefined;
  private closed = false;

  /** Throws failed_precondition when the index cannot be opened or the schedule is not valid. */
  constructor(private readonly options: RecordingsOptions) {
    const { dataDir, folder, segmentMinMs, rules, clock, logger } = options;
    prepareSegmentIndex(dataDir);
    this.cleaning = new Cleaning({
      ...options,
      send: (message) => {
        this.thread.send(message);
      },
    });
    this.index = new SegmentIndex(dataDir, 'read');
    const data: RecorderWorkerData = { dataDir, folder, segmentMinMs, rules };
    this.thread = new SupervisedThread({
      url: options.workerUrl ?? WORKER,
      name: 'recorder',
      label: 'The recorder thread',
      data: () => data,
      heapMb: HEAP_MB,
      clock,
      logger,
      onMessage: (message: FromRecorder) => {
        this.onMessage(message);
      },
      onStarted: () => {
        this.onStarted();
      },
      onCrashed: () => {
        this.cleaning.reset();
        this.endCheck(new ChrysError('unavailable', `${this.thread.outage}. Try again then.`));
      },
    });
    this.recorded = new RecordedCameras({
      ...options,
      send: (message) => {
        this.thread.send(message);
      },
      onNeeded: () => {
        this.thread.ensureStarted();
      },
    });
    this.recorded.start();
    // When nothing was ever recorded, there is nothing to check or delete.
    if (this.index.hasAny || existsSync(folder)) this.thread.ensureStarted();
  }

  /**
   * Ends all recording; open groups are still written. Resolves within about three seconds. False: the disk blocks the
   * recorder thread.
   */
  async stop(): Promise<boolean> {
    if (this.closed) return true;
    this.closed = true;
    this.recorded.close();
    this.cleaning.close();
    const ended = await this.thread.end({ kind: 'stop' }, STOP_GRACE_MS);
    if (!ended) {
      this.options.logger.warn(
        `The disk of ${this.options.folder} does not answer: the last groups of pictures of each camera may be lost.`,
      );
    }
    this.endCheck(shuttingDown());
    this.index.close();
    return ended;
  }

  /** Arrival of the newest recorded packet, microseconds since the epoch; 0 = there is none. */
  get newestUs(): number {
    return this.index.newestUs;
  }

  status(camera: string): RecordingStatus {
    return this.recorded.status(camera, this.thread.outage);
  }

  has(camera: string): boolean {
    return this.index.has(camera);
  }

  page(camera: string, range: { fromMs: number; toMs: number; after: number; limit: number }): SegmentPage {
    const { fromMs, toMs, after: afterUs, limit } = range;
    const found = this.index.page(camera, { ...rangeInUs(fromMs, toMs), afterUs, limit: limit + 1 });
    const segments = found.slice(0, limit);
    return { segments, next: found.length > limit ? segments.at(-1)?.startUs : undefined };
  }

  get(camera: string, id: number): Segment | undefined {
    return this.index.get(camera, id);
  }

  async summary(): Promise<readonly RecordedCamera[]> {
    const found: RecordedCamera[] = [];
    for (const camera of this.index.cameras()) {
      const sum = { segments: 0, bytes: 0, startUs: 0, endUs: 0 };
      let page = this.index.sums(camera, Number.MIN_SAFE_INTEGER, SUMMED_AT_ONCE);
      while (page.segments > 0) {
        if (sum.segments === 0) sum.startUs = page.startUs;
        sum.segments += page.segments;
        sum.bytes += page.bytes;
        sum.endUs = Math.max(sum.endUs, page.endUs);
        await otherWork();
        page = this.index.sums(camera, page.lastStartUs, SUMMED_AT_ONCE);
      }
      const { startUs, endUs, ...counted } = sum;
      found.push({ camera, ...counted, fromMs: Math.floor(startUs / 1000), toMs: Math.ceil(endUs / 1000) });
    }
    return found;
  }

  timeline(camera: string, fromMs: number, toMs: number): Promise<Timeline> {
    return timelineOf(this.index, camera, rangeInUs(fromMs, toMs));
  }

  inRange(camera: string, range: SegmentRange): readonly Segment[] {
    return this.index.inRange(camera, range);
  }

  nearest(camera: string, momentUs: number, keyframesOnly: boolean): Segment | undefined {
    return this.index.nearest(camera, momentUs, keyframesOnly);
  }

  pathOf({ camera, file }: Segment): string {
    return segmentPath(this.options.folder, camera, file);
  }

  async check(): Promise<CheckReport> {
    if (this.closed) throw shuttingDown();
    if (this.thread.outage !== '') throw new ChrysError('unavailable', `${this.thread.outage}. Try again then.`);
    if (this.runningCheck === undefined) {
      this.thread.ensureStarted();
      this.runningCheck = runningCheck();
      this.thread.send({ kind: 'check', why: 'requested' });
    }
    return await this.runningCheck.report;
  }

  private onStarted(): void {
    // A cleaning that was requested while there was no thread has not been sent, and is never answered.
    this.cleaning.reset();
    this.recorded.sendAll();
    this.thread.send({ kind: 'check', why: 'start' });
  }

  private onMessage(message: FromRecorder): void {
    const { logger } = this.options;
    switch (message.kind) {
      case 'progress':
        this.recorded.onProgress(message.cameras);
        break;
      case 'overLimit':
        this.cleaning.begin();
        break;
      case 'cleaned':
        this.cleaning.onCleaned(message.more);
        break;
      case 'checked':
        if (message.why === 'start') this.logStartCheck(message.report);
        else this.endCheck(message.report);
        break;
      case 'checkFailed':
        if (message.why === 'start') logger.warn(`The recordings could not be checked: ${message.message}`);
        else this.endCheck(new ChrysError('failed_precondition', message.message));
        break;
      case 'log':
        logger[message.level](message.camera === undefined ? {} : { camera: message.camera }, message.text);
        break;
    }
  }

  private logStartCheck({ good, added, missing, removed }: CheckReport): void {
    if (added + missing + removed === 0) return;
    this.options.logger.info(
      { good, added, missing, removed },
      'The index of the recordings did not match their folder and was corrected.',
    );
  }

  private endCheck(result: CheckReport | ChrysError): void {
    if (result instanceof ChrysError) this.runningCheck?.reject(result);
    else this.runningCheck?.resolve(result);
    this.runningCheck = undefined;
  }
}

function runningCheck(): RunningCheck {
  let resolve: RunningCheck['resolve'] = () => undefined;
  let reject: RunningCheck['reject'] = () => undefined;
  const report = new Promise<CheckReport>((...settle) => {
    [resolve, reject] = settle;
  });
  return { report, resolve, reject };
}
