// @ts-check
/** @import { StreamProcess } from './rest-types.js' */

const WINDOW_MS = 10_000;
const DECODING = {
  idle: 'nothing',
  keyframes: 'keyframes',
  interval: 'some frames',
  all: 'every frame',
};

/** Rates over the last 10 s, from counters that only grow. */
export class Rates {
  /** @type {{ atMs: number, bytes: number, busyUs: number }[]} */
  #samples = [];

  /**
   * @param {StreamProcess['chrysproxy']['stats']} stats
   * @param {number} atMs
   */
  add(stats, atMs) {
    const sample = { atMs, bytes: stats.bytes, busyUs: stats.decode_us + stats.convert_us };
    const last = this.#samples.at(-1);
    // The counters began again at 0, because the proxy was restarted.
    if (last !== undefined && sample.bytes < last.bytes) this.#samples = [];
    this.#samples.push(sample);
    this.#samples = this.#samples.filter((each) => atMs - each.atMs <= WINDOW_MS);
  }

  /** `bitrate` in bits per second, and `core`, the share of one CPU core. undefined until there are two samples. */
  get current() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return undefined;
    const ms = last.atMs - first.atMs;
    return { bitrate: ((last.bytes - first.bytes) * 8000) / ms, core: (last.busyUs - first.busyUs) / 1000 / ms };
  }
}

/** @param {StreamProcess} camera */
export function streamText({ chrysproxy: { stream } }) {
  if (stream === null) return '–';
  return stream.width === 0 ? stream.codec : `${stream.codec} ${stream.width} × ${stream.height}`;
}

/**
 * @param {StreamProcess} camera
 * @param {Rates} rates
 */
export function rateText({ chrysproxy: { phase, stats } }, rates) {
  if (phase !== 'running' || stats.fps === 0) return '–';
  const fps = `${Math.round(stats.fps * 10) / 10} fps`;
  const current = rates.current;
  return current === undefined ? fps : `${fps}, ${bitrateText(current.bitrate)}`;
}

/** @param {StreamProcess} camera */
export function decodingText({ chrysproxy: { stats } }) {
  return DECODING[stats.decoding];
}

/** @param {Rates} rates */
export function coreText(rates) {
  const core = rates.current?.core;
  return core === undefined ? '–' : `${(core * 100).toFixed(core < 0.1 ? 1 : 0)} % of a core`;
}

/**
 * @param {number | null} thenMs
 * @param {number} nowMs
 */
export function ageText(thenMs, nowMs) {
  if (thenMs === null) return 'none yet';
  const seconds = Math.max(0, (nowMs - thenMs) / 1000);
  return seconds < 1 ? 'now' : `${durationText(seconds)} ago`;
}

/** @param {number | null} ms */
export function limitText(ms) {
  return ms === null ? '–' : `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
}

/** @param {number} seconds */
export function durationText(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** @param {number} bytes */
export function sizeText(bytes) {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** @param {number} bitrate Bits per second. */
function bitrateText(bitrate) {
  return bitrate < 1e6 ? `${Math.round(bitrate / 1000)} kbit/s` : `${(bitrate / 1e6).toFixed(1)} Mbit/s`;
}
