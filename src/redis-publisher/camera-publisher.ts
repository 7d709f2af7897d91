import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { liveSinceMs } from '../cameras/frames/live-since.js';
import { CONTROL, FRAME_FILTER } from '../gen/ring-layout.js';
import type { NativeAddon } from '../native/types.js';
import { Control } from '../rings/control.js';
import { FrameReader, type FrameFind } from '../rings/frame-reader.js';
import type { CameraMessage, CameraProgress } from './messages.js';

export interface PublisherEnvironment {
  readonly copyFromSlot: NativeAddon['copyFromSlot'];
  readonly clock: Clock;
  /** Redis cannot be used. */
  readonly isAway: () => boolean;
  /** Resolves when Redis has the message, which stays as it is until then. */
  readonly store: (camera: string, message: Buffer) => Promise<void>;
}

/** Before the next frame goes to a Redis that refused one. */
const REFUSED_PAUSE_MS = 5000;
/** Frames that came while one was on its way; those beyond are counted as dropped at once. */
const MAX_WAITING = 100;

/**
 * Publishes the frames of one camera: one at a time, so that a slow Redis holds one frame of it and not a queue, and then
 * the newest. Bus worker.
 */
export class CameraPublisher {
  private readonly control: Control;
  private readonly reader: FrameReader;
  private frameClass = 0;
  /** A waitAsync is outstanding. */
  private asleep = false;
  private storing = false;
  /** Frame id of the last one that was sent. */
  private sentId = 0;
  /** Ids of those that came since, oldest first. */
  private waiting: number[] = [];
  private pausedUntilMs = 0;
  private buffer = Buffer.alloc(0);
  private published = 0;
  private dropped = 0;
  private message = '';

  constructor(
    private readonly of: Pick<CameraMessage, 'id' | 'camera' | 'control'>,
    private readonly env: PublisherEnvironment,
  ) {
    this.control = new Control(of.control);
    this.reader = new FrameReader(env.copyFromSlot);
  }

  get progress(): CameraProgress {
    const { published, dropped, message } = this;
    return { id: this.of.id, published, dropped, message };
  }

  setRing(ring: SharedArrayBuffer): void {
    this.reader.setRing(ring);
  }

  /** Bits of FRAME_FILTER; 0 = nothing. */
  publish(frameClass: number): void {
    this.frameClass = frameClass;
    this.waiting = [];
    if (frameClass === 0) {
      this.message = '';
      this.pausedUntilMs = 0;
      // Frees the promise of waitAsync, which would hold all of this until the camera's next frame.
      Atomics.notify(this.control.i32, CONTROL.frameEventI32);
    } else if (!this.asleep) {
      this.look();
    }
  }

  private readonly look = (): void => {
    this.asleep = false;
    while (this.frameClass !== 0) {
      // Read before the ring: a frame that comes in between makes waitAsync return at once.
      const event = this.control.getI32(CONTROL.frameEventI32);
      this.notice();
      this.sendNext();
      const sleep = Atomics.waitAsync(this.control.i32, CONTROL.frameEventI32, event);
      if (!sleep.async) continue;
      this.asleep = true;
      void sleep.value.then(this.look);
      return;
    }
  };

  private notice(): void {
    const newest = this.reader.find({ ...this.query(this.waiting.at(-1) ?? this.sentId), inOrder: false });
    if (newest === undefined) return;
    this.waiting.push(newest.frameId);
    if (this.waiting.length <= MAX_WAITING) return;
    this.waiting.shift();
    this.dropped += 1;
  }

  private sendNext(): void {
    if (this.storing || this.frameClass === 0 || this.env.isAway()) return;
    if (this.env.clock.monotonicMs() < this.pausedUntilMs) return;
    const frame = this.reader.find({ ...this.query(this.sentId), inOrder: true });
    if (frame === undefined) return;
    if (this.buffer.length !== frame.byteLength) this.buffer = Buffer.allocUnsafeSlow(frame.byteLength);
    const copied = frame.copyTo(this.buffer, 0);
    // Overwritten meanwhile: there is a newer one, whose event brings us back.
    if (copied === undefined) return;
    this.sentId = copied.frameId;
    this.dropped += this.waiting.filter((id) => id < copied.frameId).length;
    this.waiting = this.waiting.filter((id) => id > copied.frameId);
    this.storing = true;
    void this.store();
  }

  private async store(): Promise<void> {
    try {
      await this.env.store(this.of.camera, this.buffer);
      this.published += 1;
      this.message = '';
    } catch (error) {
      this.dropped += 1;
      if (!this.env.isAway()) {
        this.message = `Redis does not take its frames: ${messageOf(error)}`;
        this.pausedUntilMs = this.env.clock.monotonicMs() + REFUSED_PAUSE_MS;
      }
    }
    this.storing = false;
    this.sendNext();
  }

  private query(after: number): Omit<FrameFind, 'inOrder'> {
    const keyframesOnly = (this.frameClass & FRAME_FILTER.all) === 0;
    const notBeforeMs = liveSinceMs(this.control, { keyframesOnly, intervalMs: 0 }, this.env.clock.nowMs());
    // There is no other look in this ring.
    return { after, frameClass: this.frameClass, serial: 0, withholdCorrupt: false, notBeforeMs };
  }
}
