import type { StreamProcess } from '../rest/route-table/stream-process.js';

/** Time over which rates are averaged. It covers several GOPs, because a keyframe is much larger than other packets. */
const WINDOW_MS = 5000;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly busyUs: number;
}

/** Rates of a camera, from the growth of its counters. */
export interface Rates {
  readonly bitsPerSecond: number;
  /** CPU time for decoding, scaling and encoding, as a fraction of one core. */
  readonly core: number;
}

/** Average rates of each camera over the last WINDOW_MS, from counters that only grow. */
export class CameraRates {
  readonly #samples = new Map<string, Sample[]>();

  /** Adds the counters at `atMs`, the time of a monotonic clock. Removed cameras are forgotten. */
  add(cameras: readonly StreamProcess[], atMs: number): void {
    const names = new Set(cameras.map(({ name }) => name));
    for (const name of this.#samples.keys()) {
      if (!names.has(name)) this.#samples.delete(name);
    }
    for (const { name, chrysproxy } of cameras) {
      const { bytes, decode_us, convert_us } = chrysproxy.stats;
      const before = this.#samples.get(name) ?? [];
      // A smaller counter means that the proxy or the camera was restarted.
      const kept =
        (before.at(-1)?.bytes ?? 0) > bytes ? [] : before.filter((sample) => atMs - sample.atMs <= WINDOW_MS);
      this.#samples.set(name, [...kept, { atMs, bytes, busyUs: decode_us + convert_us }]);
    }
  }

  /** The rates of a camera; undefined until there are two samples. */
  of(name: string): Rates | undefined {
    const samples = this.#samples.get(name) ?? [];
    const [first] = samples;
    const last = samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) {
      return undefined;
    }
    const ms = last.atMs - first.atMs;
    return {
      bitsPerSecond: ((last.bytes - first.bytes) * 8000) / ms,
      core: (last.busyUs - first.busyUs) / 1000 / ms,
    };
  }
}
