import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { CONTROL, FRAME_FILTER, OUTPUT, PICTURE_FORMAT } from '../../gen/ring-layout.js';
import type { Control } from '../../rings/control.js';
import type { FrameOptions, OutputFormat, Subscription } from '../types.js';

/** Demand outlives the call that raised it by so much, so that a caller who comes back finds the decoder running. */
export const DEMAND_TTL_MS = 10_000;
/** An output that nobody wanted for so long has no frame of its old look on the way any more. */
const REUSE_AFTER_MS = 1000;

interface ClassDemand {
  readonly want: Subscription;
  /** Clock.monotonicMs until which it lasts. */
  untilMs: number;
  /** Calls that wait at the moment. */
  held: number;
}

interface Output {
  look: OutputFormat;
  serial: number;
  wants: number;
  idleSinceMs: number;
  readonly classes: Map<number, ClassDemand>;
}

/** Has the plain look for ever. */
export const DEFAULT_OUTPUT = 0;
export const DEFAULT_OUTPUT_FORMAT: OutputFormat = {
  format: PICTURE_FORMAT.bgr24,
  width: 0,
  height: 0,
  quality: 0,
  enlarge: false,
};

/**
 * The union of what a camera's callers ask for: which looks, and of each which classes of frames. Writes the outputs and
 * intervals of the control block. Main thread.
 */
export class Demand {
  private readonly outputs: Output[] = [];
  private cancelTimer: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly control: Control,
    private readonly clock: Clock,
    /** Wakes the capture loop, which may wait for seconds for a slow camera's next packet. */
    readonly wakeCapture: () => void = () => undefined,
  ) {
    this.setLook(DEFAULT_OUTPUT, DEFAULT_OUTPUT_FORMAT);
  }

  /** A call came in. Throws resource_exhausted when too many different looks or intervals are wanted at a time. */
  touch(terms: FrameOptions): Subscription {
    const index = this.outputFor(terms.outputFormat);
    const output = this.outputs[index];
    if (output === undefined) throw new Error('an output without a look');
    const frameClass = this.classOf(terms);
    let demand = output.classes.get(frameClass);
    if (demand === undefined) {
      demand = { want: { output: index, frameFilter: frameClass, serial: output.serial }, untilMs: 0, held: 0 };
      output.classes.set(frameClass, demand);
    }
    this.prolong(demand);
    if ((output.wants & frameClass) === 0) this.setWants(index, output.wants | frameClass);
    return demand.want;
  }

  /** A call begins to wait: its demand lasts until `release`, and the usual time from there. */
  hold(want: Subscription): void {
    const demand = this.demandOf(want);
    if (demand !== undefined) demand.held += 1;
  }

  release(want: Subscription): void {
    const demand = this.demandOf(want);
    if (demand === undefined) return;
    demand.held -= 1;
    this.prolong(demand);
  }

  /** The size of the camera's pictures in that look, if the capture loop refused them as too large for a message. */
  tooLarge(look: OutputFormat): { readonly width: number; readonly height: number } | undefined {
    const index = this.outputs.findIndex((output) => isSame(output.look, look));
    const packed = index < 0 ? 0 : this.control.getI32(outputAt(index) + OUTPUT.tooLargeI32);
    return packed === 0 ? undefined : { width: packed >>> 16, height: packed & 0xffff };
  }

  close(): void {
    this.closed = true;
    this.cancelTimer?.();
    for (const [index, output] of this.outputs.entries()) {
      output.classes.clear();
      this.setWants(index, 0);
    }
  }

  private demandOf(want: Subscription): ClassDemand | undefined {
    const demand = this.outputs[want.output]?.classes.get(want.frameFilter);
    return demand?.want === want ? demand : undefined;
  }

  private prolong(demand: ClassDemand): void {
    if (this.closed) return;
    demand.untilMs = this.clock.monotonicMs() + DEMAND_TTL_MS;
    this.cancelTimer ??= this.clock.after(DEMAND_TTL_MS, this.expire);
  }

  private outputFor(look: OutputFormat): number {
    const known = this.outputs.findIndex((output) => isSame(output.look, look));
    if (known >= 0) return known;
    if (this.outputs.length < OUTPUT.count) {
      this.setLook(this.outputs.length, look);
      return this.outputs.length - 1;
    }
    const nowMs = this.clock.monotonicMs();
    let longest = -1;
    let maxSinceMs = Infinity;
    for (let index = 1; index < OUTPUT.count; index += 1) {
      const output = this.outputs[index];
      if (output?.wants !== 0 || nowMs - output.idleSinceMs < REUSE_AFTER_MS) continue;
      if (output.idleSinceMs < maxSinceMs) [longest, maxSinceMs] = [index, output.idleSinceMs];
    }
    if (longest < 0) {
      throw new ChrysError(
        'resource_exhausted',
        `this camera's frames are already wanted in ${OUTPUT.count} different sizes or formats: ask for one of these, or try again later`,
      );
    }
    this.setLook(longest, look);
    return longest;
  }

  private setLook(index: number, look: OutputFormat): void {
    const at = outputAt(index);
    this.control.setI32(at + OUTPUT.formatI32, look.format);
    this.control.setI32(at + OUTPUT.widthI32, look.width);
    this.control.setI32(at + OUTPUT.heightI32, look.height);
    this.control.setI32(at + OUTPUT.qualityI32, look.quality);
    this.control.setI32(at + OUTPUT.enlargeI32, look.enlarge ? 1 : 0);
    const serial = this.control.addI32(at + OUTPUT.serialI32, 1);
    this.outputs[index] = { look, serial, wants: 0, idleSinceMs: 0, classes: new Map() };
  }

  private classOf(terms: FrameOptions): number {
    if (terms.keyframesOnly) return FRAME_FILTER.keyframes;
    if (terms.intervalMs <= 0) return FRAME_FILTER.all;
    let free = -1;
    for (let index = 0; index < FRAME_FILTER.intervals; index += 1) {
      const frameClass = 1 << (FRAME_FILTER.firstInterval + index);
      if (this.control.getI32(CONTROL.intervalMsI32 + index) === terms.intervalMs) return frameClass;
      if (free < 0 && this.outputs.every((output) => (output.wants & frameClass) === 0)) free = index;
    }
    if (free < 0) {
      throw new ChrysError(
        'resource_exhausted',
        `this camera's frames are already wanted at ${FRAME_FILTER.intervals} different intervals: ask for one of these, or try again later`,
      );
    }
    this.control.setI32(CONTROL.intervalMsI32 + free, terms.intervalMs);
    return 1 << (FRAME_FILTER.firstInterval + free);
  }

  private readonly expire = (): void => {
    this.cancelTimer = undefined;
    const nowMs = this.clock.monotonicMs();
    let nextMs = Infinity;
    for (const [index, output] of this.outputs.entries()) {
      let wants = 0;
      for (const [frameClass, demand] of output.classes) {
        if (demand.held === 0 && demand.untilMs <= nowMs) {
          output.classes.delete(frameClass);
          continue;
        }
        wants |= frameClass;
        nextMs = Math.min(nextMs, demand.untilMs > nowMs ? demand.untilMs - nowMs : DEMAND_TTL_MS);
      }
      this.setWants(index, wants);
    }
    if (nextMs !== Infinity) this.cancelTimer = this.clock.after(Math.max(1, nextMs), this.expire);
  };

  private setWants(index: number, wants: number): void {
    const output = this.outputs[index];
    if (output === undefined || output.wants === wants) return;
    // A look that was refused earlier may fit by now.
    if (output.wants === 0) this.control.setI32(outputAt(index) + OUTPUT.tooLargeI32, 0);
    const hasRisen = (wants & ~output.wants) !== 0;
    output.wants = wants;
    if (wants === 0) output.idleSinceMs = this.clock.monotonicMs();
    this.control.setI32(outputAt(index) + OUTPUT.filtersI32, wants);
    if (hasRisen) this.wakeCapture();
  }
}

function outputAt(index: number): number {
  return CONTROL.outputsI32 + (index * OUTPUT.bytes) / 4;
}

function isSame(a: OutputFormat, b: OutputFormat): boolean {
  return (
    a.format === b.format &&
    a.width === b.width &&
    a.height === b.height &&
    a.quality === b.quality &&
    a.enlarge === b.enlarge
  );
}
