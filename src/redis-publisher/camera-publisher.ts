import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { liveSinceMs } from '../cameras/frames/live-since.js';
import { CONTROL, FRAME_FILTER } from '../gen/ring-layout.js';
import type { NativeAddon } from '../native/types.js';
import { Control } from '../rings/control.js';
import { FrameReader, type FrameSearch } from '../rings/frame-reader.js';
import type { CameraMessage, CameraProgress } from './messages.js';

export interface PublisherEnvironment {
  readonly copyFromSlot: NativeAddon['copyFromSlot'];
  readonly clock: Clock;
  /** Whether Redis is away. */
  readonly isAway: () => boolean;
  /** Resolves when Redis has stored the message. The message must not change until then. */
  readonly store: (camera: string, message: Buffer) => Promise<void>;
}

/** Pause after Redis refused a frame. */
const REFUSED_PAUSE_MS = 5000;
/** Maximum number of frame ids that wait while a frame is being stored. Beyond it, the oldest counts as dropped. */
const MAX_WAITING = 100;

/**
 * Publishes the frames of one camera, one at a time. When Redis is slow, frames in between are dropped and the newest is
 * sent next, so no queue grows. Publisher thread.
 */
export class CameraPublisher {
  private readonly control: Control;
  private readonly reader: FrameReader;
  private frameFilter = 0;
  /** Waits for the next frame event. */
  private isAsleep = false;
  private isStoring = false;
  /** Frame id of the last frame that was sent. */
  private sentId = 0;
  /** Ids of newer frames that were not sent yet, oldest first. */
  private waiting: number[] = [];
  private pausedUntilMs = 0;
  private buffer = Buffer.alloc(0);
  private published = 0;
  private dropped = 0;
  private message = '';

  constructor(
    private readonly target: Pick<CameraMessage, 'id' | 'camera' | 'control'>,
    private readonly env: PublisherEnvironment,
  ) {
    this.control = new Control(target.control);
    this.reader = new FrameReader(env.copyFromSlot);
  }

  get progress(): CameraProgress {
    const { published, dropped, message } = this;
    return { id: this.target.id, published, dropped, message };
  }

  setRing(ring: SharedArrayBuffer): void {
    this.reader.setRing(ring);
  }

  /** Publishes the frames of this filter from now on: bits of FRAME_FILTER, 0 = none. */
  publish(frameFilter: number): void {
    this.frameFilter = frameFilter;
    this.waiting = [];
    if (frameFilter === 0) {
      this.message = '';
      this.pausedUntilMs = 0;
      // Settles the promise of waitAsync, which would keep this object in memory until the camera's next frame.
      Atomics.notify(this.control.i32, CONTROL.frameEventI32);
    } else if (!this.isAsleep) {
      this.onFrameEvent();
    }
  }

  private readonly onFrameEvent = (): void => {
    this.isAsleep = false;
    while (this.frameFilter !== 0) {
      // Read before the ring, so that waitAsync returns at once when a frame arrives in between.
      const event = this.control.getI32(CONTROL.frameEventI32);
      this.addNewest();
      this.sendNext();
      const sleep = Atomics.waitAsync(this.control.i32, CONTROL.frameEventI32, event);
      if (!sleep.async) continue;
      this.isAsleep = true;
      void sleep.value.then(this.onFrameEvent);
      return;
    }
  };

  private addNewest(): void {
    const newest = this.reader.find({ ...this.query(this.waiting.at(-1) ?? this.sentId), inOrder: false });
    if (newest === undefined) return;
    this.waiting.push(newest.frameId);
    if (this.waiting.length <= MAX_WAITING) return;
    this.waiting.shift();
    this.dropped += 1;
  }

  private sendNext(): void {
    if (this.isStoring || this.frameFilter === 0 || this.env.isAway()) return;
    if (this.env.clock.monotonicMs() < this.pausedUntilMs) return;
    const frame = this.reader.find({ ...this.query(this.sentId), inOrder: true });
    if (frame === undefined) return;
    if (this.buffer.length !== frame.byteLength) this.buffer = Buffer.allocUnsafeSlow(frame.byteLength);
    const copied = frame.copyTo(this.buffer, 0);
    // The frame was overwritten during the copy. The event of the newer frame calls us again.
    if (copied === undefined) return;
    this.sentId = copied.frameId;
    this.dropped += this.waiting.filter((id) => id < copied.frameId).length;
    this.waiting = this.waiting.filter((id) => id > copied.frameId);
    this.isStoring = true;
    void this.store();
  }

  private async store(): Promise<void> {
    try {
      await this.env.store(this.target.camera, this.buffer);
      this.published += 1;
      this.message = '';
    } catch (error) {
      this.dropped += 1;
      if (!this.env.isAway()) {
        this.message = `Redis does not accept the frames of this camera: ${messageOf(error)}`;
        this.pausedUntilMs = this.env.clock.monotonicMs() + REFUSED_PAUSE_MS;
      }
    }
    this.isStoring = false;
    this.sendNext();
  }

  private query(after: number): Omit<FrameSearch, 'inOrder'> {
    const keyframesOnly = (this.frameFilter & FRAME_FILTER.all) === 0;
    const notBeforeMs = liveSinceMs(this.control, { keyframesOnly, intervalMs: 0 }, this.env.clock.nowMs());
    // The ring has only one output format.
    return { after, filter: this.frameFilter, serial: 0, withholdCorrupt: false, notBeforeMs };
  }
}
