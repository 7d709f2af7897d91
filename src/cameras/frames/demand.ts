import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { CONTROL, FRAME_FILTER, OUTPUT, PICTURE_FORMAT } from '../../gen/ring-layout.js';
import type { Control } from '../../rings/control.js';
import type { FrameOptions, OutputFormat, Subscription } from '../types.js';

/** How long demand lasts after the last call, so that the decoder still runs when a caller comes back. */
export const DEMAND_TTL_MS = 10_000;
/** Longer than kUnknownRateWaitUs in native/src/capture/demand_server.cc. */
const SECOND_WAKE_MS = 150;
/** An output can be reused after this time without a subscription: no caller still reads a frame in its old format. */
const REUSE_AFTER_MS = 1000;

interface FilterDemand {
  readonly subscription: Subscription;
  /** The demand ends at this time, by Clock.monotonicMs, unless calls wait. */
  untilMs: number;
  /** Calls that wait now. */
  waiting: number;
}

interface Output {
  format: OutputFormat;
  serial: number;
  filters: number;
  idleSinceMs: number;
  readonly demands: Map<number, FilterDemand>;
}

/** Output 0 always delivers unscaled BGR24. */
export const DEFAULT_OUTPUT = 0;
export const DEFAULT_OUTPUT_FORMAT: OutputFormat = {
  format: PICTURE_FORMAT.bgr24,
  width: 0,
  height: 0,
  quality: 0,
  enlarge: false,
};

/**
 * The union of a camera's subscriptions: the output formats in use, and the frame filters of each. Writes them to the control
 * block. Main thread.
 */
export class Demand {
  private readonly outputs: Output[] = [];
  private cancelTimer: (() => void) | undefined;
  private cancelSecondWake: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly control: Control,
    private readonly clock: Clock,
    /** Ends the wait of the capture loop for its next packet. */
    private readonly wake: () => void = () => undefined,
  ) {
    this.setFormat(DEFAULT_OUTPUT, DEFAULT_OUTPUT_FORMAT);
  }

  /** Registers a caller's request. Throws resource_exhausted when too many different formats or intervals are in use. */
  subscribe(options: FrameOptions): Subscription {
    const index = this.outputFor(options.outputFormat);
    const output = this.outputs[index];
    if (output === undefined) throw new Error('The output has no format');
    const filter = this.filterOf(options);
    let demand = output.demands.get(filter);
    if (demand === undefined) {
      demand = { subscription: { output: index, frameFilter: filter, serial: output.serial }, untilMs: 0, waiting: 0 };
      output.demands.set(filter, demand);
    }
    this.prolong(demand);
    if ((output.filters & filter) === 0) this.setFilters(index, output.filters | filter);
    return demand.subscription;
  }

  /** A caller begins to wait. The demand lasts until DEMAND_TTL_MS after `endWait`. */
  beginWait(subscription: Subscription): void {
    const demand = this.demandOf(subscription);
    if (demand !== undefined) demand.waiting += 1;
  }

  endWait(subscription: Subscription): void {
    const demand = this.demandOf(subscription);
    if (demand === undefined) return;
    demand.waiting -= 1;
    this.prolong(demand);
  }

  /** The size in pixels of a frame in this format that was too large for a message; undefined: all frames fit. */
  tooLarge(format: OutputFormat): { readonly width: number; readonly height: number } | undefined {
    const index = this.outputs.findIndex((output) => isSame(output.format, format));
    const packed = index < 0 ? 0 : this.control.getI32(outputAt(index) + OUTPUT.tooLargeI32);
    return packed === 0 ? undefined : { width: packed >>> 16, height: packed & 0xffff };
  }

  /**
   * Makes the capture loop read the demand at once. Otherwise it reads the demand at the next packet, which a slow camera sends
   * after seconds. While the frame rate is not known, the loop ignores demand just after a packet, so it is woken twice.
   */
  wakeCapture(): void {
    this.wake();
    if (this.closed || this.control.getI32(CONTROL.fpsMilliI32) !== 0) return;
    this.cancelSecondWake?.();
    this.cancelSecondWake = this.clock.after(SECOND_WAKE_MS, this.wake);
  }

  close(): void {
    this.closed = true;
    this.cancelTimer?.();
    this.cancelSecondWake?.();
    for (const [index, output] of this.outputs.entries()) {
      output.demands.clear();
      this.setFilters(index, 0);
    }
  }

  private demandOf(subscription: Subscription): FilterDemand | undefined {
    const demand = this.outputs[subscription.output]?.demands.get(subscription.frameFilter);
    return demand?.subscription === subscription ? demand : undefined;
  }

  private prolong(demand: FilterDemand): void {
    if (this.closed) return;
    demand.untilMs = this.clock.monotonicMs() + DEMAND_TTL_MS;
    this.cancelTimer ??= this.clock.after(DEMAND_TTL_MS, this.expire);
  }

  private outputFor(format: OutputFormat): number {
    const known = this.outputs.findIndex((output) => isSame(output.format, format));
    if (known >= 0) return known;
    if (this.outputs.length < OUTPUT.count) {
      this.setFormat(this.outputs.length, format);
      return this.outputs.length - 1;
    }
    const nowMs = this.clock.monotonicMs();
    let idleLongest = -1;
    let idleSinceMs = Infinity;
    for (let index = 1; index < OUTPUT.count; index += 1) {
      const output = this.outputs[index];
      if (output?.filters !== 0 || nowMs - output.idleSinceMs < REUSE_AFTER_MS) continue;
      if (output.idleSinceMs < idleSinceMs) [idleLongest, idleSinceMs] = [index, output.idleSinceMs];
    }
    if (idleLongest < 0) {
      throw new ChrysError(
        'resource_exhausted',
        `The frames of this camera are already in use in ${OUTPUT.count} different sizes or formats. Request one of these, or try again later.`,
      );
    }
    this.setFormat(idleLongest, format);
    return idleLongest;
  }

  private setFormat(index: number, format: OutputFormat): void {
    const at = outputAt(index);
    this.control.setI32(at + OUTPUT.formatI32, format.format);
    this.control.setI32(at + OUTPUT.widthI32, format.width);
    this.control.setI32(at + OUTPUT.heightI32, format.height);
    this.control.setI32(at + OUTPUT.qualityI32, format.quality);
    this.control.setI32(at + OUTPUT.enlargeI32, format.enlarge ? 1 : 0);
    const serial = this.control.addI32(at + OUTPUT.serialI32, 1);
    this.outputs[index] = { format, serial, filters: 0, idleSinceMs: 0, demands: new Map() };
  }

  private filterOf(options: FrameOptions): number {
    if (options.keyframesOnly) return FRAME_FILTER.keyframes;
    if (options.intervalMs <= 0) return FRAME_FILTER.all;
    let free = -1;
    for (let index = 0; index < FRAME_FILTER.intervals; index += 1) {
      const filter = 1 << (FRAME_FILTER.firstInterval + index);
      if (this.control.getI32(CONTROL.intervalMsI32 + index) === options.intervalMs) return filter;
      if (free < 0 && this.outputs.every((output) => (output.filters & filter) === 0)) free = index;
    }
    if (free < 0) {
      throw new ChrysError(
        'resource_exhausted',
        `The frames of this camera are already in use at ${FRAME_FILTER.intervals} different intervals. Request one of these, or try again later.`,
      );
    }
    this.control.setI32(CONTROL.intervalMsI32 + free, options.intervalMs);
    return 1 << (FRAME_FILTER.firstInterval + free);
  }

  private readonly expire = (): void => {
    this.cancelTimer = undefined;
    const nowMs = this.clock.monotonicMs();
    let nextMs = Infinity;
    for (const [index, output] of this.outputs.entries()) {
      let filters = 0;
      for (const [filter, demand] of output.demands) {
        if (demand.waiting === 0 && demand.untilMs <= nowMs) {
          output.demands.delete(filter);
          continue;
        }
        filters |= filter;
        nextMs = Math.min(nextMs, demand.untilMs > nowMs ? demand.untilMs - nowMs : DEMAND_TTL_MS);
      }
      this.setFilters(index, filters);
    }
    if (nextMs !== Infinity) this.cancelTimer = this.clock.after(Math.max(1, nextMs), this.expire);
  };

  private setFilters(index: number, filters: number): void {
    const output = this.outputs[index];
    if (output === undefined || output.filters === filters) return;
    // The pictures may have become smaller since the last subscription.
    if (output.filters === 0) this.control.setI32(outputAt(index) + OUTPUT.tooLargeI32, 0);
    const hasRisen = (filters & ~output.filters) !== 0;
    output.filters = filters;
    if (filters === 0) output.idleSinceMs = this.clock.monotonicMs();
    this.control.setI32(outputAt(index) + OUTPUT.filtersI32, filters);
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
