import type { StreamProcess } from '../rest/routes/stream-process.js';

/** Long enough to even out keyframes, which are many times as large as what is between them. */
const WINDOW_MS = 5000;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly busyUs: number;
}

/** How fast the counters of a camera grow. */
export interface Rates {
  readonly bitsPerSecond: number;
  /** Decoding, scaling and encoding, as a share of one core. */
  readonly core: number;
}

/** Rates of each camera over the last seconds, from counters that only ever grow. */
export class CameraRates {
  readonly #samples = new Map<string, Sample[]>();

  /** Takes the cameras as they are at `atMs`, a time of a clock that never jumps, and forgets those that are gone. */
  add(cameras: readonly StreamProcess[], atMs: number): void {
    const names = new Set(cameras.map(({ name }) => name));
    for (const name of this.#samples.keys()) {
      if (!names.has(name)) this.#samples.delete(name);
    }
    for (const { name, chrysproxy } of cameras) {
      const { bytes, decode_us, convert_us } = chrysproxy.stats;
      const before = this.#samples.get(name) ?? [];
      // Fewer than before: the proxy, or this camera, was started again.
      const kept =
        (before.at(-1)?.bytes ?? 0) > bytes ? [] : before.filter((sample) => atMs - sample.atMs <= WINDOW_MS);
      this.#samples.set(name, [...kept, { atMs, bytes, busyUs: decode_us + convert_us }]);
    }
  }

  /** Undefined until there are two samples. */
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
