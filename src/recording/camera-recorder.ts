import { messageOf } from '../base/errors.js';
import { CONTROL } from '../gen/ring-layout.js';
import { Control } from '../rings/control.js';
import { GroupFinder, type FoundSegment } from './group-finder.js';
import type { CameraProgress, RecordedPeriod, RecordMessage, RecordingCounters } from './messages.js';
import { DiskError, type SegmentFile, type SegmentFiles } from './segment-files.js';

/** The functions of the recorder thread that each CameraRecorder uses. */
export interface RecorderParts {
  readonly files: Pick<SegmentFiles, 'write'>;
  readonly segmentMinUs: number;
  monotonicMs(): number;
  /** Adds the segment to the index. Never throws. */
  onSegment(camera: string, segment: SegmentFile): void;
  onDiskFull(): void;
  log(level: 'info' | 'warn' | 'error', camera: string, text: string): void;
}

/** Time after the last packet of a closed connection until no more packets are expected. */
const SETTLED_MS = 1000;
/** Maximum delay of audio behind the pictures of the same time. */
const MAX_AUDIO_DELAY_MS = 500;

/** After a loss, the disk counts as too slow for this long, even when it writes some groups in between. */
const SLOW_FOR_MS = 10_000;
const SLOW =
  'Groups of pictures are lost: the disk is too slow, or a group is too large for buffer.in_memory_max_bytes.';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Writes the groups of pictures of one camera into files. Recorder thread. */
export class CameraRecorder {
  private readonly finder: GroupFinder;
  private readonly control: Control;
  private readonly ring: Uint8Array;
  private readonly audioRing: Uint8Array | undefined;
  private readonly counters: Mutable<RecordingCounters>;
  private periods: readonly RecordedPeriod[];
  /** A segment that is complete but not written yet: its audio or its stream description is still to come. */
  private found: FoundSegment | undefined;
  private foundAtMs = 0;
  /** Packets from this sequence on are not recorded any more. Undefined: recording goes on. */
  private lastSequence: number | undefined;
  private state: CameraProgress['state'] = 'waiting';
  private message = '';
  /** Whether groups were lost within the last SLOW_FOR_MS. */
  private isSlow = false;
  private lostAtMs = 0;
  private end = 0;
  private endSinceMs: number;

  /** Throws when the packet ring has another layout. */
  constructor(
    private readonly target: RecordMessage,
    fromSequence: number,
    private readonly parts: RecorderParts,
  ) {
    this.periods = target.periods;
    this.finder = new GroupFinder(target.packetRing, {
      fromSequence,
      minUs: parts.segmentMinUs,
      isSameStream: (first, second) => this.isSameStream(first, second),
    });
    this.ring = new Uint8Array(target.packetRing);
    this.audioRing = target.audioRing && new Uint8Array(target.audioRing);
    this.control = new Control(target.control);
    this.counters = { ...target.counters };
    this.endSinceMs = parts.monotonicMs();
  }

  get camera(): string {
    return this.target.camera;
  }

  get progress(): CameraProgress {
    const { state, message } = this;
    return { id: this.target.id, counters: { ...this.counters }, state, message };
  }

  setPeriods(periods: readonly RecordedPeriod[]): void {
    this.periods = periods;
  }

  /** Writes the next segment, if one is complete. False: there was nothing to do. */
  step(): boolean {
    return this.advance(this.isSettled());
  }

  /**
   * Like `step`, but the group in progress counts as complete. The caller repeats it until it returns false. Packets that
   * arrive after the first call are not recorded; otherwise a slow disk would never finish.
   */
  finish(): boolean {
    this.lastSequence ??= this.finder.end;
    if (this.found === undefined && this.finder.pending >= this.lastSequence) return false;
    return this.advance(true);
  }

  private advance(ended: boolean): boolean {
    if (this.found === undefined) {
      const found = this.finder.next(ended);
      if (found === undefined) return false;
      if (found.lostGroups > 0) this.lost(found.lostGroups);
      this.found = found.segment;
      this.foundAtMs = this.parts.monotonicMs();
    }
    const { found } = this;
    if (found === undefined) return true;
    if (!ended && this.audioRing !== undefined && !this.hasAudioArrived(found)) return false;
    const period = this.periodOf(found.firstSequence);
    if (period?.connection !== found.connection) {
      // The message with this period is still to come, or never comes because the camera's thread crashed.
      if (found.firstSequence >= this.finder.first) return false;
      this.found = undefined;
      this.lost(found.groups + this.finder.skip().lostGroups);
      return true;
    }
    this.found = undefined;
    this.write(found, period);
    return true;
  }

  /**
   * Whether the audio of this segment has arrived. When the recorder is late, newer packets show that. It must not wait for
   * each segment then; otherwise it would fall further behind a camera with short segments.
   */
  private hasAudioArrived({ endSequence }: FoundSegment): boolean {
    return (
      this.finder.arrivedBeforeNewestUs(endSequence) >= MAX_AUDIO_DELAY_MS * 1000 ||
      this.parts.monotonicMs() - this.foundAtMs >= MAX_AUDIO_DELAY_MS
    );
  }

  /** Whether the group in progress gets no more packets. */
  private isSettled(): boolean {
    const { end } = this.finder;
    const nowMs = this.parts.monotonicMs();
    if (end !== this.end) [this.end, this.endSinceMs] = [end, nowMs];
    return this.control.getI32(CONTROL.connectedI32) === 0 && nowMs - this.endSinceMs >= SETTLED_MS;
  }

  private write({ firstSequence, endSequence, groups }: FoundSegment, period: RecordedPeriod): void {
    let written: SegmentFile | undefined;
    try {
      written = this.parts.files.write(this.camera, {
        packetRing: this.ring,
        firstSequence,
        endSequence,
        stream: period,
        audioRing: this.audioRing,
      });
    } catch (error) {
      this.failed(error, groups);
      return;
    }
    if (written === undefined) {
      this.lost(groups + this.finder.skip().lostGroups);
      return;
    }
    this.succeeded(written);
  }

  private succeeded(written: SegmentFile): void {
    const { counters } = this;
    counters.segments += 1;
    counters.bytes += written.facts.bytes;
    counters.lastSegmentMs = Math.floor(written.facts.startUs / 1000);
    const isStillSlow = this.isSlow && this.parts.monotonicMs() - this.lostAtMs < SLOW_FOR_MS;
    if (this.state === 'failing' || (this.isSlow && !isStillSlow)) {
      this.parts.log(
        'info',
        this.camera,
        `The camera is recorded again. ${counters.lostGroups} groups of pictures were lost so far.`,
      );
    }
    this.state = 'recording';
    this.message = isStillSlow ? SLOW : '';
    this.isSlow = isStillSlow;
    this.parts.onSegment(this.camera, written);
  }

  private failed(error: unknown, groups: number): void {
    this.counters.lostGroups += groups;
    const message = error instanceof DiskError ? error.message : `The camera cannot be recorded: ${messageOf(error)}.`;
    if (this.state !== 'failing' || this.message !== message) {
      this.parts.log('error', this.camera, `${message} Recording is tried again with each group of pictures.`);
    }
    this.state = 'failing';
    this.message = message;
    if (error instanceof DiskError && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) this.parts.onDiskFull();
  }

  private lost(groups: number): void {
    if (groups === 0) return;
    this.counters.lostGroups += groups;
    this.lostAtMs = this.parts.monotonicMs();
    if (this.state !== 'failing') this.message = SLOW;
    if (this.isSlow) return;
    this.isSlow = true;
    this.parts.log('warn', this.camera, SLOW);
  }

  private periodOf(sequence: number): RecordedPeriod | undefined {
    return this.periods.findLast(({ fromSequence }) => fromSequence <= sequence);
  }

  private isSameStream(first: number, second: number): boolean {
    const [one, other] = [this.periodOf(first), this.periodOf(second)];
    if (one === undefined || other === undefined) return one === other;
    // A change of parameter sets without a change of size needs no new file: each keyframe carries its own.
    return one.width === other.width && one.height === other.height && one.codecName === other.codecName;
  }
}
